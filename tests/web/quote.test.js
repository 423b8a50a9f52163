/* One symbol's quote: exact, and honest about what was not seen. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { balanceOf, createQuote, shareOf, spreadOf } from '../../web/src/core/quote.js';

let now = 0;
const trade = (price, size, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq: 1, recv: 5, price, size, ...more });
const quoteItem = (bid, ask, more) => ({ kind: 'quote', symbol: 'A', source: 'x', seq: 1, bid, ask, ...more });
const create = (more) => createQuote({ symbol: 'A', now: () => now, ...more });

test('the newest of each kind, of this symbol and source only', () => {
  const quote = create({ source: 'x' });
  quote.take([trade('1', '1'), quoteItem('0.9', '1.1'), trade('2', '1', { symbol: 'B' }), trade('3', '1', { source: 'y' }), { kind: 'other', symbol: 'A', source: 'x' }]);
  assert.deepEqual([quote.trade.price, quote.quote.ask, quote.version], ['1', '1.1', 2]);
});

test('the direction stays while the price stays', () => {
  const quote = create();
  const turns = ['10', '11', '11.0', '10.5'].map((price) => { quote.take([trade(price, '1')]); return quote.direction; });
  assert.deepEqual(turns, [0, 1, 1, -1]);
});

test('a spread in exact units and hundredths of a percent', () => {
  assert.deepEqual(spreadOf(quoteItem('187.42', '187.43')), { text: '0.01', points: '0.53', mid: '187.425', direction: 1 });
  assert.deepEqual(spreadOf(quoteItem('2', '2')), { text: '0', points: '0.00', mid: '2', direction: 0 });
  assert.deepEqual(spreadOf(quoteItem('10.1', '9.9')), { text: '-0.2', points: '-200.00', mid: '10.0', direction: -1 });
  assert.deepEqual(['61837.62', '99999.9', '0.4'].map((bid) => spreadOf(quoteItem(bid, `${bid}1`)).points), ['0.0002', '0.0010', '246.91']);
  assert.equal(spreadOf(quoteItem('-1', '1')).points, ''); // of nothing there is no share
  assert.equal(spreadOf(quoteItem('1', undefined)), null);
  assert.equal(spreadOf(undefined), null);
});

test('the average of the trades seen, weighed by size and exact', () => {
  const quote = create();
  assert.equal(quote.vwap, undefined);
  quote.take([trade('10.00', '1'), trade('11.00', '3')]);
  assert.equal(quote.vwap, '10.75');
  quote.take([trade('12', undefined), trade('99', '0')]); // weigh nothing
  assert.deepEqual([quote.vwap, quote.trades, quote.sinceUs], ['10.75', 2, 5]);
  quote.take([trade('1.000000000000000000001', '0.5')]);
  assert.match(quote.vwap, /^9\.6666/);
});

test('a snapshot shows, but is no event of now', () => {
  const quote = create();
  quote.take([trade('10', '1'), quoteItem('9', '11')], true);
  assert.deepEqual([quote.trade.price, quote.vwap, quote.events], ['10', undefined, 0]);
});

test('what was passed over is told: of trades, and of all', () => {
  const quote = create();
  quote.take([trade('10', '1', { skipped: 2 }), quoteItem('9', '11', { skipped: 5 })]);
  assert.deepEqual([quote.skippedTrades, quote.skipped, quote.events], [2, 7, 9]);
});

test('the last day follows what is seen, in trades', () => {
  const quote = create();
  quote.setDay({ kind: 'trade', open: '10', high: '12.0', low: '9', last: '11', volume: '100' });
  quote.take([trade('12.5', '1'), trade('8', '1'), trade('10', '1')]);
  assert.deepEqual([quote.day.high, quote.day.low], ['12.5', '8']);
  quote.setDay(undefined);
  assert.equal(quote.day, null);
});

test('events a second over the last five', () => {
  now = 0;
  const quote = create();
  assert.equal(quote.perSecond(), 0);
  for (let at = 0; at <= 10_000; at += 100) {
    now = at;
    quote.take([trade('1', '1', { skipped: 1 })]);
  }
  assert.ok(Math.abs(quote.perSecond() - 20) <= 1, String(quote.perSecond()));
  now = 60_000;
  assert.equal(quote.perSecond(), 0);
});

test('cleared, nothing is left of before', () => {
  const quote = create();
  quote.take([trade('10', '1'), quoteItem('9', '11')]);
  quote.clear();
  assert.deepEqual([quote.trade, quote.quote, quote.vwap, quote.trades, quote.direction], [undefined, undefined, undefined, 0, 0]);
});

test('shares for drawings', () => {
  assert.equal(shareOf('15', '10', '20'), 0.5);
  assert.equal(shareOf('99', '10', '20'), 1);
  assert.equal(shareOf('10', '10', '10'), undefined);
  assert.equal(shareOf(undefined, '1', '2'), undefined);
  assert.equal(balanceOf(quoteItem('1', '2', { bid_size: '300', ask_size: '100' })), 0.75);
  assert.equal(balanceOf(quoteItem('1', '2', { bid_size: '0', ask_size: '0' })), undefined);
  assert.equal(balanceOf(quoteItem('1', '2')), undefined);
});
