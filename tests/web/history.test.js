import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHistory } from '../../web/src/core/history.js';

const trade = (symbol, seq, price, more = {}) => ({ kind: 'trade', symbol, source: 'x', seq, price, ...more });
const quote = (symbol, seq, bid, ask, more = {}) => ({ kind: 'quote', symbol, source: 'x', seq, bid, ask, ...more });
const items = (...list) => ({ type: 'items', items: list, isSnapshot: false });
const bySymbol = (a, b) => (a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0);

function readAll(history, cursor, options = {}) {
  const entries = [];
  history.read(cursor, { ...options, take: (entry) => entries.push(entry) });
  return entries;
}

test('every field comes back as it was', () => {
  const history = createHistory({ bytes: 65536, chunkBytes: 16384 });
  const list = [
    trade('A', 1, '61837.63000000', { size: '0.70000000', side: 'sell', ts: 1700000000300500, recv: 1700000000300810 }),
    trade('B', Number.MAX_SAFE_INTEGER, '-0.5', { skipped: 12, side: 'buy' }),
    quote('A', 2, '1', undefined, { bid_size: '3', recv: 5 }),
    quote('שלום', 3, undefined, '2', { ask_size: '0.1', ts: 6 }),
    trade('C', 4, '1234567890123456789012345.678901234567890123456789012345678901234567890'),
    trade('D', 5, '１２'), // no ASCII digits: not a price, but not ours to mend
  ].map((item) => JSON.parse(JSON.stringify(item)));
  history.push(items(...list), 10, 20);
  assert.deepEqual(readAll(history, history.begin()), [items(...list)]);
  assert.equal(history.events, list.length + 12);
});

test('entries keep their order, notes among items', () => {
  const history = createHistory({ bytes: 65536, chunkBytes: 16384 });
  const reset = { type: 'reset', epoch: 'e2' };
  history.push(items(trade('A', 1, '1')), 1, 100);
  history.push(reset, 2, 200);
  history.push(items(trade('A', 1, '5')), 3, 300);
  assert.deepEqual(readAll(history, history.begin()).map(({ type }) => type), ['items', 'reset', 'items']);
  assert.deepEqual(readAll(history, history.begin(), { notesOnly: true }), [reset]);
  const cursor = history.cursorAt(1.5);
  assert.equal(cursor.events, 1);
  assert.equal(cursor.clockUs, 100);
  assert.deepEqual(history.timeOf(cursor), { atMs: 2, clockUs: 200 });
  assert.equal(readAll(history, cursor)[0], reset);
  assert.equal(history.timeOf(cursor), null);
});

test('the state at a moment is the newest item of each stream of the epoch', () => {
  const history = createHistory({ bytes: 65536, chunkBytes: 16384 });
  history.push({ type: 'hello', hello: { mode: 'live', epoch: 'e1' } }, 0, 0);
  history.push({ type: 'feed', source: 'x', state: 'down' }, 1, 1);
  history.push(items(trade('A', 1, '1', { skipped: 3 }), trade('B', 1, '2')), 2, 2);
  history.push(items(trade('A', 2, '3')), 3, 3);
  history.push({ type: 'reset', epoch: 'e2' }, 4, 4);
  history.push(items(trade('B', 1, '9')), 5, 5);
  const at = (ms) => history.stateAt(history.cursorAt(ms));
  assert.deepEqual(at(2).items.sort(bySymbol), [trade('A', 1, '1'), trade('B', 1, '2')]);
  assert.deepEqual(at(3).items.sort(bySymbol), [trade('A', 2, '3'), trade('B', 1, '2')]);
  assert.deepEqual(at(4).items, []);
  assert.deepEqual(at(9).items, [trade('B', 1, '9')]);
  assert.deepEqual(at(9).feeds, [{ type: 'feed', source: 'x', state: 'down' }]);
  assert.equal(at(9).hello.hello.epoch, 'e1');
});

test('a small ring forgets the oldest and still knows how things stood', () => {
  const history = createHistory({ bytes: 4 * 2048, chunkBytes: 2048 });
  const cursor = history.begin();
  history.push({ type: 'feed', source: 'x', state: 'down' }, 0, 0);
  history.push(items(trade('ONCE', 1, '7')), 0, 0);
  for (let seq = 1; seq <= 2000; seq++) history.push(items(trade(`S${seq % 7}`, seq, `${seq}.5`)), seq, seq * 10);
  assert.equal(history.isLost(cursor), true);
  assert.ok(history.startMs > 1000);
  assert.equal(history.endMs, 2000);
  const expected = (last) => Array.from({ length: 7 }, (_, at) => last - at)
    .map((seq) => trade(`S${seq % 7}`, seq, `${seq}.5`)).concat(trade('ONCE', 1, '7')).sort(bySymbol);
  const middle = Math.ceil(history.startMs) + 40;
  assert.deepEqual(history.stateAt(history.cursorAt(middle)).items.sort(bySymbol), expected(middle));
  assert.deepEqual(history.stateAt(history.end()).items.sort(bySymbol), expected(2000));
  assert.deepEqual(history.stateAt(history.begin()).feeds.length, 1);
  assert.equal(history.end().events, 2001);
  const rest = readAll(history, cursor).flatMap((entry) => entry.items);
  assert.equal(rest.at(-1).seq, 2000);
  assert.equal(cursor.events, 2001);
});

test('a reset that is forgotten takes the old epoch along', () => {
  const history = createHistory({ bytes: 2 * 2048, chunkBytes: 2048 });
  history.push(items(trade('OLD', 1, '1')), 0, 0);
  history.push({ type: 'reset', epoch: 'e2' }, 1, 1);
  for (let seq = 1; seq < 500; seq++) history.push(items(trade('NEW', seq, '2')), seq + 1, 0);
  assert.deepEqual(history.stateAt(history.end()).items.map(({ symbol }) => symbol), ['NEW']);
});

test('a snapshot larger than a chunk comes back whole', () => {
  const history = createHistory({ bytes: 16 * 4096, chunkBytes: 4096 });
  const all = Array.from({ length: 400 }, (_, at) => trade(`SYMBOL-${at}`, at + 1, `${at}.25`, { recv: at }));
  history.push({ type: 'items', items: all, isSnapshot: true }, 5, 5);
  const entries = readAll(history, history.begin());
  assert.ok(entries.length > 1 && entries.every(({ isSnapshot }) => isSnapshot));
  assert.deepEqual(entries.flatMap((entry) => entry.items), all);
});

test('what is kept does not grow', () => {
  const history = createHistory({ bytes: 8 * 4096, chunkBytes: 4096 });
  for (let seq = 1; seq <= 20_000; seq++) history.push({ type: 'gap', seq }, seq, 0);
  let kept = 0;
  history.read(history.begin(), { take: () => { kept++; } });
  assert.ok(kept * 21 <= 8 * 4096);
});
