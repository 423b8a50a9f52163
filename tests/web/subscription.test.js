/* Subscriptions of one feed: what they say to the server, and what each of them gets. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FeedError, connect } from '../../web/client/pricecast.js';
import { createClock, createSocketClass } from './support/fakes.js';

function setUp(options = {}) {
  const clock = createClock();
  const WebSocket = createSocketClass();
  const feed = connect('ws://h:1/ws', {
    WebSocket, now: clock.now, wallNow: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout,
    random: () => 0.5, page: null, pingMs: 1e9, ...options,
  });
  const fixture = { clock, WebSocket, feed, get socket() { return WebSocket.last; } };
  /** Commands sent over the present socket, but for pings. */
  fixture.said = () => fixture.socket.sent.filter(({ op }) => op !== 'ping').map(({ id, ...rest }) => rest);
  fixture.reconnect = (hello) => {
    fixture.socket.end();
    clock.advance(1000);
    fixture.socket.hello(hello);
  };
  fixture.socket.hello();
  return fixture;
}

const item = (symbol, seq, more) => ({ kind: 'trade', symbol, source: 'x', seq, ...more });
const update = (...data) => ({ type: 'update', data });
const snapshot = (...data) => ({ type: 'snapshot', data });
/** Answers the newest subscribe command. */
const answer = ({ socket }, more = {}) => {
  const { id, symbols } = socket.sent.filter(({ op }) => op === 'subscribe').at(-1);
  socket.say({ type: 'subscribed', id, symbols, pending: [], rejected: [], total: 1, ...more });
};
const collect = (subscription, event) => {
  const heard = [];
  subscription.on(event, (payload) => heard.push(payload));
  return heard;
};

test('each subscription gets what it covers, in one batch a frame', () => {
  const { feed, socket } = setUp();
  const named = collect(feed.subscribe(['A', 'B']), 'batch');
  const pattern = collect(feed.subscribe(['B*'], { kinds: ['quote'] }), 'batch');
  const all = collect(feed, 'items');
  socket.say(update(item('A', 1), item('B', 1), item('B2', 1, { kind: 'quote' }), item('B2', 1)));
  assert.deepEqual(named.map(({ items }) => items.map(({ symbol }) => symbol)), [['A', 'B']]);
  assert.deepEqual(pattern.map(({ items }) => items), [[item('B2', 1, { kind: 'quote' })]]);
  assert.equal(all[0].items.length, 4);
  assert.deepEqual([named[0].isSnapshot, named[0].epoch], [false, 'e1']);
});

test('in a pattern only the star is special', () => {
  const { feed, socket } = setUp();
  const heard = collect(feed.subscribe(['a.b*(c)|[d]']), 'batch');
  socket.say(update(item('a.b(c)|[d]', 1), item('axb(c)|[d]', 1), item('a.bxx(c)|[d]', 1), item('a.b(c)', 1)));
  assert.deepEqual(heard[0].items.map(({ symbol }) => symbol), ['a.b(c)|[d]', 'a.bxx(c)|[d]']);
});

test('a snapshot is a batch and says so', () => {
  const { feed, socket } = setUp();
  const subscription = feed.subscribe(['A']);
  const [batches, snapshots] = [collect(subscription, 'batch'), collect(subscription, 'snapshot')];
  socket.say(snapshot(item('A', 1)));
  socket.say(update(item('A', 2)));
  assert.deepEqual([batches.length, snapshots.length, batches[0].isSnapshot], [2, 1, true]);
});

test('ready resolves with the answer, and rejects with a refusal', async () => {
  const fixture = setUp();
  const subscription = fixture.feed.subscribe(['A', 'N*']);
  answer(fixture, { symbols: ['A'], pending: ['N*'] });
  assert.deepEqual(await subscription.ready, { symbols: ['A'], pending: ['N*'], rejected: [] });
  const refused = fixture.feed.subscribe(['B'], { maxRate: -1 });
  const { id } = fixture.socket.sent.at(-1);
  fixture.socket.say({ type: 'error', id, code: 'bad_request', message: 'max_rate' });
  await assert.rejects(refused.ready, (error) => error instanceof FeedError && error.code === 'bad_request');
});

test('add, remove and update say only what changes', () => {
  const fixture = setUp();
  const subscription = fixture.feed.subscribe(['A'], { maxRate: 5 });
  subscription.add(['A', 'B']);
  subscription.remove(['A', 'X']);
  subscription.update({ maxRate: 1 });
  assert.deepEqual(fixture.said(), [
    { op: 'subscribe', symbols: ['A'], max_rate: 5 }, { op: 'subscribe', symbols: ['B'], max_rate: 5 },
    { op: 'unsubscribe', symbols: ['A'] }, { op: 'subscribe', symbols: ['B'], max_rate: 1 },
  ]);
  assert.deepEqual(subscription.symbols, ['B']);
});

test('what another subscription wants goes on in its way', () => {
  const fixture = setUp();
  fixture.feed.subscribe(['A', 'B'], { mode: 'latest', maxRate: 1 });
  const fast = fixture.feed.subscribe(['B', 'C'], { mode: 'every' });
  fast.close();
  assert.deepEqual(fixture.said().slice(2), [
    { op: 'unsubscribe', symbols: ['C'] }, { op: 'subscribe', symbols: ['B'], mode: 'latest', max_rate: 1 },
  ]);
});

test('after an unsubscribe a stream begins anew', () => {
  const { feed, socket } = setUp();
  const gaps = collect(feed, 'gap');
  const subscription = feed.subscribe(['A', 'B']);
  socket.say(update(item('A', 1), item('B', 1)));
  subscription.remove(['A']);
  subscription.add(['A']);
  socket.say(update(item('A', 90), item('B', 5)));
  assert.deepEqual(gaps.map(({ symbol, lost }) => [symbol, lost]), [['B', 3]]);
});

test('long lists go into several messages, and ready waits for all answers', async () => {
  const fixture = setUp();
  const symbols = Array.from({ length: 9000 }, (_, i) => `SYMBOL-${i}`);
  const subscription = fixture.feed.subscribe(symbols);
  const commands = fixture.socket.sent.filter(({ op }) => op === 'subscribe');
  assert.ok(commands.length > 1);
  for (const command of commands) assert.ok(JSON.stringify(command).length <= 65_536);
  assert.deepEqual(commands.flatMap((command) => command.symbols), symbols);
  let isReady = false;
  subscription.ready.then(() => { isReady = true; });
  for (const command of commands) {
    await null;
    assert.equal(isReady, false);
    fixture.socket.say({ type: 'subscribed', ...command, pending: [], rejected: [] });
  }
  assert.equal((await subscription.ready).symbols.length, 9000);
});

test('a signal closes one subscription, or the feed', async () => {
  const [one, all] = [new AbortController(), new AbortController()];
  const fixture = setUp({ signal: all.signal });
  const subscription = fixture.feed.subscribe(['A'], { signal: one.signal });
  const loop = (async () => { for await (const { seq } of subscription) assert.fail(String(seq)); })();
  one.abort();
  await loop;
  assert.ok(subscription.isClosed);
  assert.deepEqual(fixture.said().at(-1), { op: 'unsubscribe', symbols: ['A'] });
  all.abort();
  assert.equal(fixture.feed.state, 'closed');
  assert.equal(await fixture.feed.closed, undefined);
  assert.equal(connect('ws://h/ws', { WebSocket: fixture.WebSocket, signal: all.signal, page: null }).state, 'closed');
  assert.equal(fixture.WebSocket.sockets.length, 1);
});

test('loops end when the subscription is closed, and throw when the feed is refused', async () => {
  const fixture = setUp();
  const closed = fixture.feed.subscribe(['A']);
  const refused = fixture.feed.subscribe(['B']);
  const read = async (subscription) => { for await (const { seq } of subscription) assert.fail(String(seq)); };
  const loops = [read(closed), assert.rejects(read(refused), { code: 'refused', status: 4401 })];
  closed.close();
  fixture.socket.end(4401, 'token expired');
  await Promise.all(loops);
  await assert.rejects(read(refused), { code: 'refused' });
  await assert.rejects(fixture.feed.ready, { code: 'refused', message: 'token expired' });
});

// ---- resume ----

test('after a reconnect what was missed is asked for, stream by stream', () => {
  const fixture = setUp();
  fixture.feed.subscribe(['A'], { mode: 'every' });
  fixture.feed.subscribe(['B'], { resume: false });
  fixture.socket.say(update(item('A', 41), item('A', 7, { kind: 'quote' }), item('B', 3)));
  fixture.reconnect();
  assert.deepEqual(fixture.said(), [
    { op: 'subscribe', symbols: ['A'], mode: 'every', resume: { epoch: 'e1', streams: [['x', 'A', 'trade', 41], ['x', 'A', 'quote', 7]] } },
    { op: 'subscribe', symbols: ['B'] },
  ]);
});

test('resumed without a loss is told, and seq goes on over the time away', () => {
  const fixture = setUp();
  const subscription = fixture.feed.subscribe(['A']);
  const [resumed, gaps] = [collect(subscription, 'resumed'), collect(subscription, 'gap')];
  fixture.socket.say(update(item('A', 41)));
  fixture.clock.advance(200);
  fixture.reconnect();
  const { id } = fixture.socket.sent[0];
  fixture.socket.say(update(item('A', 42), item('A', 43)));
  fixture.socket.say({ type: 'resumed', id, recovered: 2, lost: 0 });
  fixture.socket.say(update(item('A', 44)));
  assert.deepEqual(resumed, [{ type: 'resumed', id, recovered: 2, lost: 0, awayMs: 1200 }]);
  assert.deepEqual(gaps, []);
  fixture.socket.say(update(item('A', 46)));
  assert.equal(gaps[0].reason, 'sequence');
});

test('what could not be recovered is a gap', () => {
  const fixture = setUp();
  const subscription = fixture.feed.subscribe(['A']);
  const other = collect(fixture.feed.subscribe(['B']), 'gap');
  const gaps = collect(subscription, 'gap');
  fixture.socket.say(update(item('A', 41)));
  fixture.reconnect();
  const { id } = fixture.socket.sent[0];
  fixture.socket.say(update(item('A', 50, { skipped: 8 })));
  fixture.socket.say({ type: 'resumed', id, recovered: 1, lost: 8 });
  assert.deepEqual(gaps, [{ reason: 'lost', lost: 8, awayMs: 1000 }]);
  assert.deepEqual(other, []);
  assert.deepEqual([fixture.feed.stats.gaps, fixture.feed.stats.lost, fixture.feed.stats.reconnects], [1, 8, 1]);
});

test('a new epoch is a gap of unknown size, and nothing is resumed', () => {
  const fixture = setUp();
  const gaps = collect(fixture.feed.subscribe(['A']), 'gap');
  fixture.socket.say(update(item('A', 41)));
  fixture.reconnect({ epoch: 'e2' });
  assert.deepEqual(fixture.said(), [{ op: 'subscribe', symbols: ['A'] }]);
  assert.deepEqual(gaps, [{ reason: 'epoch', awayMs: 1000 }]);
  fixture.socket.say(snapshot(item('A', 2)));
  assert.equal(gaps.length, 1);
});

test('a pattern with more streams than a message holds gets a snapshot, and its loss is counted', () => {
  const fixture = setUp();
  const gaps = collect(fixture.feed.subscribe(['*']), 'gap');
  const items = Array.from({ length: 3000 }, (_, i) => item(`SYMBOL-${i}`, 10));
  fixture.socket.say(update(...items));
  fixture.reconnect();
  assert.deepEqual(fixture.said(), [{ op: 'subscribe', symbols: ['*'] }]);
  fixture.socket.say(snapshot(item('SYMBOL-1', 13), item('SYMBOL-2', 10), item('SYMBOL-3', 11)));
  assert.deepEqual(gaps, [{ reason: 'lost', lost: 2, awayMs: 1000 }]);
});

test('names with many streams are resumed in several messages', () => {
  const fixture = setUp();
  const symbols = Array.from({ length: 3000 }, (_, i) => `SYMBOL-${i}`);
  fixture.feed.subscribe(symbols);
  fixture.socket.say(update(...symbols.map((symbol) => item(symbol, 10))));
  fixture.reconnect();
  const commands = fixture.said();
  assert.ok(commands.length > 1);
  for (const command of commands) {
    assert.ok(JSON.stringify(command).length <= 65_536);
    assert.deepEqual(command.resume.streams.map(([, symbol]) => symbol), command.symbols);
  }
  assert.deepEqual(commands.flatMap((command) => command.symbols), symbols);
});
