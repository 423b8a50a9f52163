/* Bars as the server makes them: exact, and complete without repeats. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { addTexts, createCandles, INTERVALS, intervalOf, middle } from '../../web/src/core/candles.js';

const S = 1_000_000;
const START = 1_700_000_040 * S; // begins a minute
const candle = (at, open, high, low, close, volume) => ({ time: START + at * S, open, high, low, close, volume });
const flat = (at, price, volume = '1') => candle(at, price, price, price, price, volume);
let lastSeq = 0;
const trade = (at, price, size, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq: ++lastSeq, recv: START + at * S, price, size, ...more });
const quote = (at, bid, ask, more) => ({ kind: 'quote', symbol: 'A', source: 'x', seq: ++lastSeq, recv: START + at * S, bid, ask, ...more });
const answer = (list, more) => ({ kind: 'trade', candles: list, seen: [], ...more });
const shown = (candles) => candles.bars.map(({ time, open, high, low, close, volume }) => [(time - START) / S, open, high, low, close, volume]);
const loaded = (name, list = [], more) => {
  const candles = createCandles(intervalOf(name));
  candles.load(answer(list, more));
  return candles;
};

test('nine intervals, as the server has them', () => {
  assert.deepEqual(INTERVALS.map(({ name }) => name), ['1s', '5s', '15s', '1m', '5m', '15m', '1h', '4h', '1d']);
  assert.equal(intervalOf('2m'), undefined);
});

test('trades continue the last bar and begin new ones, every digit kept', () => {
  const candles = loaded('1m', [candle(0, '10.50', '10.60', '10.40', '10.55', '2.5')]);
  candles.take([trade(30, '10.70', '0.25'), trade(59, '10.300', '1'), trade(60, '9', undefined), trade(61, '9.5', '3')]);
  assert.deepEqual(shown(candles), [[0, '10.50', '10.70', '10.300', '10.300', '3.75'], [60, '9', '9.5', '9', '9.5', '3']]);
});

test('what an answer has seen is not counted again, what came later is', () => {
  const items = [trade(1, '10', '1'), trade(2, '11', '1'), trade(3, '12', '1')];
  const candles = loaded('1m', [candle(0, '10', '11', '10', '11', '2')], { seen: [['x', 'trade', items[1].seq]] });
  candles.take(items);
  assert.deepEqual(shown(candles), [[0, '10', '12', '10', '12', '3']]);
  candles.take(items); // nor twice
  assert.deepEqual(shown(candles), [[0, '10', '12', '10', '12', '3']]);
});

test('sources count on their own', () => {
  const candles = loaded('1m', [flat(0, '10')], { seen: [['x', 'trade', 900], ['y', 'trade', 1]] });
  candles.take([trade(1, '11', '1', { seq: 900 }), trade(1, '12', '1', { source: 'y', seq: 2 })]);
  assert.deepEqual(shown(candles), [[0, '10', '12', '10', '12', '2']]);
});

test('a long price does not pass through a double', () => {
  const candles = loaded('1m', [flat(0, '1234567890123456789012345.678901234567890')]);
  candles.take([trade(1, '1234567890123456789012345.678901234567891', '0.1')]);
  assert.deepEqual(shown(candles)[0].slice(2), ['1234567890123456789012345.678901234567891',
    '1234567890123456789012345.678901234567890', '1234567890123456789012345.678901234567891', '1.1']);
});

test('without trades the exact middle of quotes makes the bars', () => {
  const candles = loaded('1s', [], { kind: undefined });
  assert.equal(candles.take([quote(0, '1.49', '1.50'), quote(0.5, '1.51', '1.53'), quote(0.7, '1.6', undefined)]), true);
  assert.equal(candles.kind, 'quote');
  assert.deepEqual(shown(candles), [[0, '1.495', '1.52', '1.495', '1.52', '0']]);
  assert.equal(candles.take([trade(1, '7', '1')]), false); // the server begins anew with it
});

test('quotes of a symbol with trades are no bars', () => {
  const candles = loaded('1s', [flat(0, '5')]);
  candles.take([quote(1, '100', '102')]);
  assert.deepEqual(shown(candles), [[0, '5', '5', '5', '5', '1']]);
});

test('what comes late goes where it belongs and does not move a later close', () => {
  const candles = loaded('5s', [flat(0, '10'), flat(10, '11')]);
  const { revision } = candles;
  candles.take([trade(11, '11.5', '1'), trade(13, '12', '1'), trade(11.5, '9', '1')]);
  assert.equal(candles.revision, revision);
  assert.deepEqual(shown(candles)[1], [10, '11', '12', '9', '12', '4']);
  candles.take([trade(6, '10.5', '1'), trade(3, '8', '1')]);
  assert.notEqual(candles.revision, revision);
  assert.deepEqual(shown(candles).map(([at, , , low, close]) => [at, low, close]), [[0, '8', '8'], [5, '10.5', '10.5'], [10, '9', '12']]);
  candles.take([trade(-100, '1', '1')]); // older than all that is shown
  assert.equal(candles.bars.length, 3);
});

test('an item without a time goes along with what came before', () => {
  const candles = loaded('1s', [flat(0, '10')]);
  candles.take([trade(0, '11', '1', { recv: undefined })]);
  candles.take([trade(0, '12', '1', { recv: undefined })], START + 5 * S);
  assert.deepEqual(shown(candles).map(([at, , , , close]) => [at, close]), [[0, '11'], [5, '12']]);
});

test('what was passed over makes a bar rough until the server corrects it', () => {
  const candles = loaded('1m', [flat(0, '10'), flat(60, '11')]);
  assert.equal(candles.firstRough, -1);
  candles.take([trade(121, '12', '1', { skipped: 3 })]);
  assert.equal(candles.firstRough, 1); // they may have belonged to the bar before, too
  candles.correct(answer([candle(60, '11', '13', '11', '13', '4'), flat(120, '12')], { seen: [['x', 'trade', lastSeq]] }));
  assert.equal(candles.firstRough, -1);
  assert.deepEqual(shown(candles), [[0, '10', '10', '10', '10', '1'], [60, '11', '13', '11', '13', '4'], [120, '12', '12', '12', '12', '1']]);
});

test('correcting the last bar alone keeps the drawing', () => {
  const candles = loaded('1m', [flat(0, '10'), flat(60, '11')]);
  const { revision } = candles;
  candles.correct(answer([candle(60, '11', '12', '11', '12', '2')]));
  assert.equal(candles.revision, revision);
  assert.equal(candles.bars.at(-1).high, '12');
});

test('pages of history come in front, up to the limit', () => {
  const candles = createCandles(intervalOf('1s'), 5);
  candles.load(answer([flat(10, '1'), flat(11, '2')]));
  assert.equal(candles.prepend(answer([flat(8, '1'), flat(9, '1'), flat(10, '7')])), 2);
  assert.deepEqual(candles.bars.map(({ time }) => (time - START) / S), [8, 9, 10, 11]);
  assert.equal(candles.prepend(answer([flat(6, '1'), flat(7, '1')])), 1);
  assert.deepEqual([candles.bars.length, candles.isFull], [5, true]);
  assert.equal(candles.prepend(answer([])), 0);
});

test('never more bars than the limit, however long it runs', () => {
  const candles = createCandles(intervalOf('1s'), 100);
  candles.load(answer([]));
  for (let at = 0; at < 1000; at++) candles.take([trade(at, '1', '1')]);
  assert.ok(candles.bars.length <= 100);
  assert.equal(candles.bars.at(-1).time, START + 999 * S);
});

test('a clock in the past sees whole bars, a part from finer ones, and then items', () => {
  const until = START + 90.5 * S;
  const candles = createCandles(intervalOf('1m'));
  candles.load(answer([flat(0, '10'), candle(60, '11', '99', '1', '50', '7')], { seen: [['x', 'trade', lastSeq + 1000]] }), { until });
  assert.deepEqual(shown(candles), [[0, '10', '10', '10', '10', '1']]);
  candles.loadPart(answer([flat(59, '10'), flat(60, '11', '0.5'), candle(80, '12', '13', '10.5', '12.5', '2'), flat(90, '77')]), until, 1);
  assert.deepEqual(shown(candles)[1], [60, '11', '13', '10.5', '12.5', '2.5']);
  candles.take([trade(80, '98', '1'), trade(91, '14', '1')]); // the first is in the part already
  assert.deepEqual(shown(candles)[1], [60, '11', '14', '10.5', '14', '3.5']);
});

test('what was known before a restart stays, and the hole is told', () => {
  const candles = loaded('1s', [flat(0, '10'), flat(1, '11')]);
  assert.deepEqual(candles.keep(answer([flat(9, '12')])), { from: START + 2 * S, to: START + 9 * S });
  assert.deepEqual(candles.bars.map(({ close }) => close), ['10', '11', '12']);
  assert.equal(candles.keep(answer([flat(1, '11'), flat(9, '12'), flat(10, '13')])), undefined); // they meet
  assert.equal(candles.bars.length, 4);
  assert.equal(candles.keep(answer([])), undefined);
  assert.equal(candles.bars.length, 4);
});

test('exact sums and middles', () => {
  assert.equal(addTexts('0.1', '0.2'), '0.3');
  assert.equal(addTexts('1.50', '2'), '3.50');
  assert.equal(addTexts(null, '1'), null);
  assert.equal(addTexts('9'.repeat(38), '1'), null);
  assert.equal(middle('1.10', '1.12'), '1.11');
  assert.equal(middle('1.1', '1.15'), '1.125');
  assert.equal(middle('-1', '2'), '0.5');
  assert.equal(middle('1', undefined), undefined);
});
