/* What the page knows, and when it stops vouching for it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { pointsOf, prefill, SPARK_POINTS } from '../../web/src/core/spark.js';
import { changeOf, createStore, mergeOf, nudgeMedian, rateOf, UNCONFIRMED_MS } from '../../web/src/core/store.js';

const trade = (symbol, price, extra) => ({ kind: 'trade', symbol, source: 'x', seq: 1, price, ...extra });
const quote = (symbol, bid, ask, extra) => ({ kind: 'quote', symbol, source: 'x', seq: 1, bid, ask, ...extra });
const rowOf = (store, symbol, source = 'x') => store.rows.get(`${source}\n${symbol}`);

function liveStore(clockMs = () => undefined) {
  const store = createStore();
  store.setServer({ isReplay: false, clockMs });
  return store;
}

test('trade and quote of one source make one row', () => {
  const store = liveStore();
  store.applyItems([trade('A', '10.50'), quote('A', '10.40', '10.60')], 0);
  assert.equal(store.rows.size, 1);
  const { last, bid, ask } = rowOf(store, 'A');
  assert.deepEqual([last, bid, ask], ['10.50', '10.40', '10.60']);
});

test('the same symbol of two sources makes two rows', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('A', '2', { source: 'y' })], 0);
  assert.equal(store.rows.size, 2);
});

test('unknown kinds are ignored', () => {
  const store = liveStore();
  store.applyItems([{ kind: 'weather', symbol: 'A', source: 'x', seq: 1 }], 0);
  assert.equal(store.rows.size, 0);
});

test('names that mean something to JavaScript are only names', () => {
  const store = liveStore();
  store.applyItems([trade('__proto__', '1'), trade('constructor', '2')], 0);
  assert.equal(rowOf(store, '__proto__').last, '1');
});

test('a one-sided quote has no price on the other side', () => {
  const store = liveStore();
  store.applyItems([quote('A', '1', '2')], 0);
  store.applyItems([quote('A', '1.5', undefined)], 1);
  assert.equal(rowOf(store, 'A').ask, undefined);
});

test('change counts from the first price the page saw', () => {
  const store = liveStore();
  for (const price of ['100', '90', '103']) store.applyItems([trade('A', price)], 0);
  assert.equal(changeOf(rowOf(store, 'A')).absolute, '+3');
});

test('change is computed once per price', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('A', '2')], 0);
  const row = rowOf(store, 'A');
  assert.equal(changeOf(row), changeOf(row));
});

test('events count what was passed over, received does not', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('A', '2', { seq: 6, skipped: 4 })], 0);
  assert.deepEqual([store.events, store.received], [6, 2]);
});

test('live age is the server clock minus the event time, whatever our clock says', () => {
  let serverMs = 1_000_000;
  const store = liveStore(() => serverMs);
  store.applyItems([trade('A', '1', { recv: 990_000 * 1000 })], 5);
  assert.equal(store.ageOf(rowOf(store, 'A'), 5), 10_000);
  serverMs = 980_000; // an event from the future is new, not negative
  assert.equal(store.ageOf(rowOf(store, 'A'), 5), 0);
});

test('without a server clock or a time, age counts from arrival', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1', { recv: 1 }), trade('B', '1')], 100);
  assert.equal(store.ageOf(rowOf(store, 'A'), 350), 250);
  assert.equal(store.ageOf(rowOf(store, 'B'), 350), 250);
});

test('an older part of a snapshot does not make a row older', () => {
  const store = liveStore(() => 10_000);
  store.applyItems([trade('A', '1', { recv: 9_000_000 }), quote('A', '1', '2', { recv: 4_000_000 })], 0);
  assert.equal(store.ageOf(rowOf(store, 'A'), 0), 1000);
});

test('ages are on the clock of the screen, in a replay the recorded one', () => {
  const store = createStore();
  let clockMs = 5000;
  store.setServer({ isReplay: true, clockMs: () => clockMs });
  store.applyItems([trade('A', '1', { recv: 5_000_000, ts: 4_000_000 }), trade('NONE', '1')], 100);
  assert.equal(store.ageOf(rowOf(store, 'A'), 60_000), 0); // the replay stands: no time passes
  clockMs = 7000;
  assert.equal(store.ageOf(rowOf(store, 'A'), 60_000), 2000);
  assert.equal(store.ageOf(rowOf(store, 'NONE'), 400), 300);
  assert.equal(store.newestUs, 5_000_000);
});

test('a fast replay makes nothing stale that merely comes in steps', () => {
  const store = createStore();
  let speed = 1;
  let clockMs = 0;
  store.setServer({ isReplay: true, clockMs: () => clockMs, speed: () => speed });
  store.applyItems([trade('A', '1', { recv: 0 })], 0);
  clockMs = 60_000;
  assert.equal(store.stateOf(rowOf(store, 'A'), 0), 'stale');
  speed = 100;
  assert.equal(store.stateOf(rowOf(store, 'A'), 0), 'live');
  speed = Infinity;
  clockMs = 1e9;
  assert.equal(store.stateOf(rowOf(store, 'A'), 0), 'live');
});

test('a row is stale after ten seconds, or twenty times its usual gap', () => {
  const store = liveStore();
  store.applyItems([trade('FAST', '1')], 0);
  assert.equal(store.stateOf(rowOf(store, 'FAST'), 10_000), 'live');
  assert.equal(store.stateOf(rowOf(store, 'FAST'), 10_001), 'stale');
  for (let at = 0; at <= 10; at++) store.applyItems([trade('SLOW', '1')], at * 60_000);
  const lastAt = 600_000;
  assert.equal(store.stateOf(rowOf(store, 'SLOW'), lastAt + 20 * 60_000), 'live');
  assert.equal(store.stateOf(rowOf(store, 'SLOW'), lastAt + 20 * 60_000 + 1), 'stale');
});

test('the running median finds the middle and shrugs off outliers', () => {
  let median = 0;
  for (let at = 0; at < 500; at++) median = nudgeMedian(median, at % 10 === 0 ? 100_000 : 100);
  assert.ok(median > 80 && median < 125, String(median));
});

test('a feed that is not up greys its own rows only', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('A', '1', { source: 'y' })], 0);
  for (const state of ['down', 'paused', 'ended']) {
    store.setFeedState('x', state);
    assert.equal(store.stateOf(rowOf(store, 'A'), 0), state);
    assert.equal(store.stateOf(rowOf(store, 'A', 'y'), 0), 'live');
  }
  store.setFeedState('x', 'up');
  assert.equal(store.stateOf(rowOf(store, 'A'), 0), 'live');
});

test('after a reconnect a row waits until an item vouches for it', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('B', '1')], 0);
  store.unconfirmRows(10, { isNewEpoch: false });
  assert.equal(store.stateOf(rowOf(store, 'A'), 10), 'waiting');
  store.applyItems([trade('A', '1')], 20);
  assert.equal(store.stateOf(rowOf(store, 'A'), 20), 'live');
  assert.equal(store.stateOf(rowOf(store, 'B'), 20), 'waiting');
});

test('rows that do not come back are removed, and so are halves of rows', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), quote('A', '1', '2'), trade('B', '1')], 0);
  store.unconfirmRows(0, { isNewEpoch: false });
  store.awaitConfirmation(1000); // connected again: only now may they come
  store.applyItems([trade('A', '3')], 1000);
  store.removeUnconfirmed(1000 + UNCONFIRMED_MS - 1);
  assert.equal(store.rows.size, 2);
  const membership = store.membership;
  store.removeUnconfirmed(1000 + UNCONFIRMED_MS);
  assert.equal(rowOf(store, 'B'), undefined);
  assert.ok(store.membership > membership);
  assert.deepEqual([rowOf(store, 'A').last, rowOf(store, 'A').bid], ['3', undefined]);
});

test('a new epoch never shows an old bid beside a new trade', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), quote('A', '0.9', '1.1')], 0);
  store.unconfirmRows(0, { isNewEpoch: true });
  store.applyItems([trade('A', '5')], 1);
  assert.deepEqual([rowOf(store, 'A').last, rowOf(store, 'A').bid], ['5', undefined]);
});

test('change goes on through a restart for a market, not for a simulation or a recording', () => {
  for (const [source, isReplay, expected] of [['x', false, '+4'], ['sim', false, '0'], ['x', true, '0']]) {
    const store = createStore();
    store.setServer({ isReplay, clockMs: () => undefined });
    store.applyItems([trade('A', '1', { source })], 0);
    store.unconfirmRows(0, { isNewEpoch: true });
    store.applyItems([trade('A', '5', { source })], 1);
    assert.equal(changeOf(rowOf(store, 'A', source)).absolute, expected, source);
  }
});

test('a server that turns from replay to live starts changes afresh', () => {
  const store = createStore();
  store.setServer({ isReplay: true, clockMs: () => undefined });
  store.applyItems([trade('A', '1')], 0);
  store.setServer({ isReplay: false, clockMs: () => undefined });
  store.applyItems([trade('A', '5')], 1);
  assert.equal(changeOf(rowOf(store, 'A')).direction, 0);
});

test('the change counts from what opened the day, once the server has said it', () => {
  const store = liveStore();
  store.applyItems([trade('A', '100'), trade('A', '110')], 0);
  const row = rowOf(store, 'A');
  assert.equal(changeOf(row).percent, '+10.00\u2009%');
  const { version } = row;
  store.applyStats([{ symbol: 'A', open: '50', volume: '7' }, { symbol: 'unknown', open: '1' }]);
  assert.equal(changeOf(row).percent, '+120.00\u2009%');
  assert.ok(row.version > version);
  store.forgetDays();
  assert.equal(changeOf(row).percent, '+10.00\u2009%');
});

test('rows of a symbol are found by its name, one a source, until they are gone', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1'), trade('A', '1', { source: 'y' }), trade('B', '1')], 0);
  assert.deepEqual(store.bySymbol.get('A').map(({ source }) => source), ['x', 'y']);
  store.unconfirmRows(0, { isNewEpoch: false });
  store.applyItems([trade('A', '2')], 1);
  store.removeUnconfirmed(UNCONFIRMED_MS);
  assert.deepEqual([[...store.bySymbol.keys()], store.bySymbol.get('A').length, store.rows.size], [['A'], 1, 1]);
});

test('what was passed over counts as updates, and shows how much was merged', () => {
  const store = liveStore();
  store.applyItems([trade('A', '1')], 0);
  const row = rowOf(store, 'A');
  assert.ok(Number.isNaN(rateOf(row, 0)));
  store.applyItems([trade('A', '2', { skipped: 8 })], 1000);
  assert.ok(Number.isNaN(rateOf(row, 1000))); // too short to say
  assert.equal(rateOf(row, 3000), 3);
  assert.equal(mergeOf(row), 5);
});

test('a sparkline holds one price a second, the last minute of them', () => {
  const store = liveStore();
  for (let second = 0; second < 70; second++) {
    store.applyItems([trade('A', String(second)), trade('A', String(second + 1000))], second * 1000);
  }
  const points = pointsOf(rowOf(store, 'A').spark);
  assert.deepEqual([points.length, points[0], points.at(-1)], [SPARK_POINTS, 10, 69]);
});

test('older prices come before the row\'s own', () => {
  const row = { spark: null };
  prefill(row, [1, 2]);
  assert.deepEqual(pointsOf(row.spark), [1, 2]);
  const store = liveStore();
  store.applyItems([trade('A', '9')], 0);
  prefill(rowOf(store, 'A'), [7, 8]);
  store.applyItems([trade('A', '10')], 1000);
  assert.deepEqual(pointsOf(rowOf(store, 'A').spark), [7, 8, 9, 10]);
  prefill(row, Array.from({ length: 100 }, (_, at) => at));
  assert.equal(pointsOf(row.spark).length, SPARK_POINTS);
});
