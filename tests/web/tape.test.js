/* Time and sales: bounded, filtered as it comes, and honest about what is missing. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { isoTime, barsCsv, fileName, tradesCsv } from '../../web/src/core/csv.js';
import { createTape, createTapeFilter } from '../../web/src/core/tape.js';

let seq = 0;
const trade = (symbol, price, more) => ({ kind: 'trade', symbol, source: 'x', seq: ++seq, recv: 1_700_000_000_000_001, price, size: '1', ...more });
const prices = (entries) => entries.map(({ item, text }) => item?.price ?? text);

test('trades come in with their direction, quotes do not', () => {
  const tape = createTape();
  tape.take([trade('A', '10'), { kind: 'quote', symbol: 'A', source: 'x', seq: 1, bid: '9' }, trade('B', '5'), trade('A', '10.5'), trade('A', '10.50'), trade('B', '4')]);
  assert.deepEqual(tape.entries.map(({ item, direction }) => [item.price, direction]), [['10', 0], ['5', 0], ['10.5', 1], ['10.50', 0], ['4', -1]]);
});

test('sources have prices of their own', () => {
  const tape = createTape();
  tape.take([trade('A', '10'), trade('A', '11', { source: 'y' }), trade('A', '9')]);
  assert.deepEqual(tape.entries.map(({ direction }) => direction), [0, 0, -1]);
});

test('the oldest go, matching or not', () => {
  const tape = createTape({ max: 100 });
  tape.setFilter(createTapeFilter({ text: 'a' }));
  for (let at = 0; at < 1000; at++) tape.take([trade(at % 2 ? 'A' : 'B', String(at))]);
  assert.ok(tape.entries.length <= 125);
  assert.equal(tape.entries.at(-1).item.price, '999');
  assert.ok(tape.matching.length >= 50 && tape.matching.length <= 63);
  assert.ok(tape.matching.every(({ item, number }) => item.symbol === 'A' && number >= tape.entries[0].number));
  assert.equal(tape.lastNumber, 1000);
  assert.equal(tape.offset + tape.matching.length, 500);
  tape.setFilter(null);
  assert.deepEqual([tape.offset, tape.generation], [0, 2]);
});

test('a filter looks at what is there and at what comes', () => {
  const tape = createTape();
  tape.take([trade('A', '1'), trade('B', '2')]);
  tape.setFilter(createTapeFilter({ text: 'b' }));
  tape.take([trade('B', '3'), trade('A', '4')]);
  assert.deepEqual(prices(tape.matching), ['2', '3']);
  tape.setFilter(null);
  assert.deepEqual(prices(tape.matching), ['1', '2', '3', '4']);
});

test('names, sides and sizes', () => {
  const wanted = (filter, item) => (createTapeFilter(filter) ?? (() => true))(trade('ALFA-USD', '1', item));
  assert.equal(createTapeFilter({ text: ' ', sizeMin: 'x' }), null);
  assert.equal(wanted({ text: 'usd x' }, {}), true);
  assert.equal(wanted({ text: 'usd y' }, {}), false);
  assert.equal(wanted({ side: 'buy' }, { side: 'buy' }), true);
  assert.equal(wanted({ side: 'buy' }, {}), false);
  assert.equal(wanted({ sizeMin: '.50' }, { size: '0.5' }), true);
  assert.equal(wanted({ sizeMin: '0.5' }, { size: '0.4999999999999999999' }), false);
  assert.equal(wanted({ sizeMin: '0.5' }, { size: undefined }), false);
});

test('what was passed over is counted, and marks pass every filter', () => {
  const tape = createTape();
  tape.setFilter(createTapeFilter({ text: 'nothing' }));
  tape.take([trade('A', '1', { skipped: 4 })]);
  tape.mark('312 lost');
  assert.equal(tape.skipped, 4);
  assert.deepEqual(prices(tape.matching), ['312 lost']);
  tape.clear();
  assert.deepEqual([tape.entries, tape.matching, tape.skipped], [[], [], 0]);
});

test('tables keep every digit, and a name is never a formula', () => {
  const [, row] = tradesCsv([{ number: 1, item: trade('=HYPERLINK("x")', '61837.63000000', { side: 'buy', seq: 7 }), direction: 0 }, { number: 2, text: 'gap', direction: 0 }]).split('\r\n');
  assert.equal(row, '2023-11-14T22:13:20.000001Z,,1700000000000001,"\'=HYPERLINK(""x"")",x,61837.63000000,1,buy,7,');
  const bars = barsCsv([{ time: -1, open: '1.0', high: '2', low: '-1', close: '1', volume: null }]);
  assert.equal(bars, 'time,open,high,low,close,volume\r\n1969-12-31T23:59:59.999999Z,1.0,2,-1,1,\r\n');
  assert.equal(isoTime(undefined), '');
  assert.equal(isoTime(1e300), '');
  assert.equal(fileName('../<b>', '1m', 'candles'), '.._b_-1m-candles');
});
