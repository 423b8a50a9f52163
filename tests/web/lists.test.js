/* Lists, columns and finding things. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ALL_COLUMNS, DEFAULT_COLUMNS, fitColumns, formatSort, nextSort, parseSort, PRESETS } from '../../web/src/core/columns.js';
import { scoreOf, search } from '../../web/src/core/fuzzy.js';
import { filterOf, isChanging, nameFault, sortOf, toggleMember } from '../../web/src/core/lists.js';

const row = (symbol) => ({ symbol, source: 'x', search: `${symbol} x`.toLowerCase() });
const facts = { isStarred: (symbol) => symbol === 'B', lists: { mine: ['A', 'C'] }, stateOf: ({ symbol }) => (symbol === 'C' ? 'stale' : 'live') };
const shown = (params) => ['A', 'B', 'C'].filter((symbol) => filterOf(params, facts)(row(symbol))).join('');

test('a list shows its members, and the search narrows it', () => {
  assert.deepEqual(['', 'starred', 'stale', '=mine', '=gone', '=__proto__', 'movers'].map((l) => shown({ l })), ['ABC', 'B', 'C', 'AC', '', '', 'ABC']);
  assert.equal(shown({ l: '=mine', q: 'a' }), 'A');
  assert.deepEqual([isChanging({ l: 'stale' }), isChanging({})], [true, false]);
});

test('movers come by how far they went, unless another order is asked for', () => {
  assert.deepEqual(sortOf({ l: 'movers' }), { column: 'move', descending: true });
  assert.deepEqual(sortOf({ l: 'movers', sort: 'symbol' }), { column: 'symbol', descending: false });
  assert.deepEqual(sortOf({}), { column: 'symbol', descending: false });
});

test('symbols go into lists and out of them', () => {
  const lists = toggleMember({ a: ['X'] }, 'a', 'Y');
  assert.deepEqual(lists, { a: ['X', 'Y'] });
  assert.deepEqual(toggleMember(lists, 'a', 'X'), { a: ['Y'] });
  assert.deepEqual(toggleMember({}, 'new', 'X'), { new: ['X'] });
  assert.deepEqual(['', '  ', 'a', '__proto__', 'x'.repeat(41)].map((name) => nameFault({ a: [] }, name) !== ''), [true, true, true, true, true]);
  assert.equal(nameFault({ a: [] }, 'b'), '');
});

test('columns that do not fit go, the least important first, and the symbol never', () => {
  assert.deepEqual(fitColumns(DEFAULT_COLUMNS, 5000), DEFAULT_COLUMNS);
  assert.ok(!fitColumns(DEFAULT_COLUMNS, 600).includes('source'));
  assert.deepEqual(fitColumns(DEFAULT_COLUMNS, 10), ['symbol', 'last']);
  assert.deepEqual(fitColumns(['nonsense', 'symbol', 'move', 'age'], 5000), ['symbol', 'age']);
  for (const preset of Object.values(PRESETS)) for (const name of preset) assert.ok(ALL_COLUMNS.includes(name), name);
});

test('a sort is a word in the URL', () => {
  for (const text of ['', '-symbol', 'age', '-percent', '-move']) assert.equal(formatSort(parseSort(text)), text);
  for (const text of ['nonsense', '-', 'constructor', 'spark']) assert.deepEqual(parseSort(text), { column: 'symbol', descending: false }, text);
  assert.deepEqual(nextSort({ column: 'symbol', descending: false }, 'rate'), { column: 'rate', descending: true });
});

test('a few letters find a name, the best one first', () => {
  const names = ['XBT/USD', 'BTC-EUR', 'BTC-USD', 'WBTC-USD', 'ETH-USD'];
  const find = (query, max) => search(query, names, (name) => name, max);
  assert.deepEqual(find('btc-u', 2), ['BTC-USD', 'WBTC-USD']);
  assert.equal(find('btcu')[0], 'BTC-USD');
  assert.equal(find('usd btc').length, 0);
  assert.deepEqual(find('', 2), ['XBT/USD', 'BTC-EUR']);
  assert.ok(scoreOf('eth', 'eth') > scoreOf('eth', 'eth-usd'));
});
