/* Which rows, in which order. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { nextSort } from '../../web/src/core/columns.js';
import { createFilter, holdOrder, rankRows } from '../../web/src/core/order.js';
import { createStore } from '../../web/src/core/store.js';

function rowsOf(...items) {
  const store = createStore();
  store.applyItems(items.map((item) => ({ kind: 'trade', source: 'x', seq: 1, ...item })), 0);
  return [...store.rows.values()];
}
const names = (rows) => rows.map((row) => row.symbol).join(' ');
const noAge = () => 0;

test('symbols sort both ways', () => {
  const rows = rowsOf({ symbol: 'B', price: '1' }, { symbol: 'A', price: '1' }, { symbol: 'C', price: '1' });
  assert.equal(names(rankRows(rows, { column: 'symbol', descending: false }, { ageOf: noAge })), 'A B C');
  assert.equal(names(rankRows(rows, { column: 'symbol', descending: true }, { ageOf: noAge })), 'C B A');
});

test('prices sort as numbers, not as words', () => {
  const rows = rowsOf({ symbol: 'A', price: '9' }, { symbol: 'B', price: '10' }, { symbol: 'C', price: '-1.5' });
  assert.equal(names(rankRows(rows, { column: 'last', descending: false }, { ageOf: noAge })), 'C A B');
});

test('prices that a double cannot tell apart still sort', () => {
  const rows = rowsOf({ symbol: 'A', price: '9007199254740993' }, { symbol: 'B', price: '9007199254740992' });
  assert.equal(names(rankRows(rows, { column: 'last', descending: false }, { ageOf: noAge })), 'B A');
});

test('what has no value stands last, whichever way', () => {
  const rows = rowsOf({ symbol: 'A', kind: 'quote', bid: '5' }, { symbol: 'B', price: '1' }, { symbol: 'C', price: '2' });
  assert.equal(names(rankRows(rows, { column: 'last', descending: false }, { ageOf: noAge })), 'B C A');
  assert.equal(names(rankRows(rows, { column: 'last', descending: true }, { ageOf: noAge })), 'C B A');
  assert.equal(names(rankRows(rows, { column: 'percent', descending: true }, { ageOf: noAge })), 'B C A');
});

test('equal values keep the order of names', () => {
  const rows = rowsOf({ symbol: 'C', price: '1' }, { symbol: 'A', price: '1' }, { symbol: 'B', price: '1' });
  assert.equal(names(rankRows(rows, { column: 'percent', descending: true }, { ageOf: noAge })), 'A B C');
});

test('percent and absolute change are different orders', () => {
  const rows = rowsOf({ symbol: 'BIG', price: '1000' }, { symbol: 'BIG', price: '1010' },
    { symbol: 'SMALL', price: '1' }, { symbol: 'SMALL', price: '1.5' });
  assert.equal(names(rankRows(rows, { column: 'change', descending: true }, { ageOf: noAge })), 'BIG SMALL');
  assert.equal(names(rankRows(rows, { column: 'percent', descending: true }, { ageOf: noAge })), 'SMALL BIG');
});

test('ages sort by the clock that is passed in', () => {
  const rows = rowsOf({ symbol: 'A', price: '1' }, { symbol: 'B', price: '1' });
  const ageOf = (row) => (row.symbol === 'A' ? 9 : 1);
  assert.equal(names(rankRows(rows, { column: 'age', descending: false }, { ageOf })), 'B A');
});

test('a second click turns the order round', () => {
  const byLast = nextSort({ column: 'symbol', descending: false }, 'last');
  assert.deepEqual(byLast, { column: 'last', descending: true });
  assert.deepEqual(nextSort(byLast, 'last'), { column: 'last', descending: false });
});

test('every word of the filter must occur, in symbol or source, in any case', () => {
  const [row] = rowsOf({ symbol: 'BTC-USD', source: 'Kraken', price: '1' });
  for (const text of ['', 'btc', 'usd BTC', 'kraken usd', '  ']) assert.ok(createFilter(text)(row), text);
  for (const text of ['eth', 'btc eth', 'btc.usd', '.*']) assert.ok(!createFilter(text)(row), text);
});

test('a held order keeps its rows in place and puts new ones at the end', () => {
  const rows = rowsOf(...['C', 'A', 'B'].map((symbol) => ({ symbol, price: '1' })));
  const [c, a, b] = rows;
  assert.equal(names(holdOrder([b, c], [c, a, b], () => true)), 'B C A');
  assert.equal(names(holdOrder([b, c, a], [c, b], () => true)), 'B C');
  assert.equal(names(holdOrder([b, c, a], rows, (row) => row !== c)), 'B A');
});

test('columns that are not prices rank, too', () => {
  const rows = rowsOf({ symbol: 'A', price: '1' }, { symbol: 'B', price: '1' }, { symbol: 'C', price: '1' });
  const [a, b, c] = rows;
  a.day = { volume: '5' };
  c.day = { volume: '40' };
  Object.assign(b, { bid: '1', ask: '2' });
  Object.assign(c, { bid: '1', ask: '1.1' });
  b.updates = 10;
  const by = (column, more) => names(rankRows(rows, { column, descending: true }, { ageOf: noAge, now: 0, ...more }));
  assert.equal(by('volume'), 'C A B');
  assert.equal(by('spread'), 'B C A');
  assert.equal(by('merged'), 'B A C');
  assert.equal(by('star', { isStarred: (symbol) => symbol === 'C' }), 'C A B');
});

test('movers rank by how far they went, either way', () => {
  const rows = rowsOf({ symbol: 'A', price: '100' }, { symbol: 'A', price: '90' }, { symbol: 'B', price: '100' }, { symbol: 'B', price: '105' },
    { symbol: 'C', price: '100' });
  assert.equal(names(rankRows(rows, { column: 'move', descending: true }, { ageOf: noAge })), 'A B C');
});
