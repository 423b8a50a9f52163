/* Every edge of the client's states, on a fake clock and scripted sockets. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { connect } from '../../web/client/pricecast.js';
import { createClock, createSocketClass } from './support/fakes.js';

function setUp(options = {}) {
  const clock = createClock();
  const WebSocket = createSocketClass();
  const feed = connect('ws://h/ws', {
    WebSocket, now: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout,
    random: () => 0.5, page: null, ...options,
  });
  const seen = [];
  feed.on('state', ({ from, to }) => { if (from !== to) seen.push(to); });
  return { clock, WebSocket, feed, seen, get socket() { return WebSocket.last; } };
}

function setUpLive(options) {
  const fixture = setUp(options);
  fixture.socket.hello();
  return fixture;
}

const trade = (seq, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq, price: '1', ...more });

test('it dials with the subprotocol and is connecting until hello', () => {
  const { feed, socket, seen } = setUp();
  assert.deepEqual([socket.url, socket.protocols], ['ws://h/ws', ['pricecast.v1.json']]);
  assert.equal(feed.state, 'connecting');
  socket.hello();
  assert.deepEqual(seen, ['live']);
});

test('a listener hears hello before live, and both before items', () => {
  const { feed, socket } = setUp();
  const heard = [];
  for (const event of ['hello', 'state', 'items']) feed.on(event, () => heard.push(event));
  socket.hello();
  socket.say({ type: 'snapshot', data: [trade(1)] });
  assert.deepEqual(heard, ['hello', 'state', 'items']);
});

test('subscriptions made before hello are sent with it', () => {
  const { feed, socket } = setUp();
  feed.subscribe({ symbols: ['*'], mode: 'latest', maxRate: 10, snapshot: true });
  assert.equal(socket.sent.length, 0);
  socket.hello();
  assert.deepEqual(socket.sent[0], { op: 'subscribe', id: 1, symbols: ['*'], mode: 'latest', max_rate: 10, snapshot: true });
});

test('subscriptions are sent again after a reconnect, closed ones are not', () => {
  const fixture = setUpLive();
  fixture.feed.subscribe({ symbols: ['A', 'B'] });
  const gone = fixture.feed.subscribe({ symbols: ['B', 'C'] });
  gone.close();
  const unsubscribes = fixture.socket.sent.filter(({ op }) => op === 'unsubscribe');
  assert.deepEqual(unsubscribes.map(({ symbols }) => symbols), [['C']]); // B is still wanted
  fixture.socket.end();
  fixture.clock.advance(1000);
  fixture.socket.hello();
  assert.deepEqual(fixture.socket.sent.filter(({ op }) => op === 'subscribe').map(({ symbols }) => symbols), [['A', 'B']]);
});

test('a lost connection is reconnecting, and the retry is announced', () => {
  const fixture = setUpLive();
  fixture.socket.end(1006);
  assert.equal(fixture.feed.state, 'reconnecting');
  const { attempt, retryAt, code } = fixture.feed.details;
  assert.deepEqual([attempt, retryAt - fixture.clock.now(), code], [1, 125, 1006]); // half of 250
  fixture.clock.advance(124);
  assert.equal(fixture.WebSocket.sockets.length, 1);
  fixture.clock.advance(1);
  assert.equal(fixture.WebSocket.sockets.length, 2);
  assert.deepEqual([fixture.feed.state, fixture.feed.details.retryAt], ['reconnecting', undefined]);
  fixture.socket.hello();
  assert.deepEqual(fixture.seen, ['live', 'reconnecting', 'live']);
});

test('waits double up to fifteen seconds, with full jitter', () => {
  for (const [random, factor] of [[() => 0, 0], [() => 0.5, 0.5], [() => 0.999, 0.999]]) {
    const fixture = setUp({ random });
    for (const ceiling of [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      fixture.socket.end();
      assert.equal(fixture.feed.details.retryAt - fixture.clock.now(), ceiling * factor);
      fixture.clock.advance(ceiling);
    }
  }
});

test('only a connection that lasted makes the next loss the first', () => {
  const fixture = setUpLive();
  fixture.socket.end();
  fixture.clock.advance(250);
  fixture.socket.hello();
  fixture.clock.advance(1000);
  fixture.socket.end();
  assert.equal(fixture.feed.details.attempt, 2);
  fixture.clock.advance(500);
  fixture.socket.hello();
  for (let second = 0; second < 11; second++) {
    fixture.clock.advance(1000);
    fixture.socket.say({ type: 'heartbeat', ts: 1 });
  }
  fixture.socket.end();
  assert.equal(fixture.feed.details.attempt, 1);
});

test('an announced shutdown sets the next wait, once', () => {
  const fixture = setUpLive();
  fixture.socket.say({ type: 'shutdown', reconnect_in_ms: 1840 });
  assert.equal(fixture.feed.state, 'live'); // it still is
  fixture.socket.end(1001);
  assert.equal(fixture.feed.details.retryAt - fixture.clock.now(), 1840);
  assert.equal(fixture.feed.details.reason, 'server shut down');
  fixture.clock.advance(1840);
  fixture.socket.end();
  assert.equal(fixture.feed.details.retryAt - fixture.clock.now(), 250); // second try, half of 500
});

test('retry() dials at once, and does nothing while live or dialling', () => {
  const fixture = setUpLive();
  fixture.feed.retry();
  assert.equal(fixture.WebSocket.sockets.length, 1);
  fixture.socket.end();
  fixture.feed.retry();
  fixture.feed.retry();
  assert.equal(fixture.WebSocket.sockets.length, 2);
  fixture.socket.hello();
  fixture.clock.advance(1000); // the timer of the wait is gone
  assert.equal(fixture.WebSocket.sockets.length, 2);
});

test('a server that accepts and then says nothing is given up', () => {
  const fixture = setUp();
  fixture.clock.advance(10_000);
  assert.equal(fixture.feed.state, 'reconnecting');
  assert.ok(fixture.WebSocket.sockets[0].isClosedByClient);
});

test('silence of 2.5 heartbeats is stalled; any message is live again', () => {
  const fixture = setUpLive();
  fixture.clock.advance(9999);
  assert.equal(fixture.feed.state, 'live');
  fixture.clock.advance(1);
  assert.equal(fixture.feed.state, 'stalled');
  assert.equal(fixture.feed.silentMs, 10_000);
  fixture.socket.say({ type: 'heartbeat', ts: 1 });
  assert.equal(fixture.feed.state, 'live');
});

test('a stalled server is asked, and left after twice the silence', () => {
  const fixture = setUpLive({ pingMs: 1e9 });
  const pings = () => fixture.WebSocket.sockets[0].sent.filter(({ op }) => op === 'ping').length;
  assert.equal(pings(), 1);
  fixture.clock.advance(10_000);
  assert.equal(pings(), 2);
  fixture.clock.advance(10_000);
  assert.deepEqual(fixture.seen, ['live', 'stalled', 'reconnecting']);
  assert.ok(fixture.WebSocket.sockets[0].isClosedByClient);
});

test('a server that beats rarely is missed as soon as its answers are', () => {
  const fixture = setUp();
  fixture.socket.hello({ heartbeat_ms: 40_000 });
  fixture.clock.advance(24_999);
  assert.equal(fixture.feed.state, 'live');
  fixture.clock.advance(1);
  assert.equal(fixture.feed.state, 'stalled');
  fixture.clock.advance(24_999);
  assert.equal(fixture.feed.state, 'stalled');
  fixture.clock.advance(1);
  assert.equal(fixture.feed.state, 'reconnecting');
});

test('answers alone keep a connection live between rare heartbeats', () => {
  const fixture = setUp();
  fixture.socket.hello({ heartbeat_ms: 40_000 });
  for (let second = 0, answered = 0; second < 120; second++) {
    const { id } = fixture.socket.sent.filter(({ op }) => op === 'ping').at(-1);
    if (id !== answered) fixture.socket.say({ type: 'pong', id, ts: 1 });
    answered = id;
    fixture.clock.advance(1000);
  }
  assert.deepEqual(fixture.seen, ['live']);
});

test('a hidden page whose timers are held back does not stall for pings it never sent', () => {
  const clock = createClock();
  const minute = (ms) => Math.ceil((clock.now() + ms) / 60_000) * 60_000 - clock.now();
  const fixture = setUp({
    now: clock.now, clearTimeout: clock.clearTimeout, setTimeout: (fire, ms) => clock.setTimeout(fire, minute(ms)),
  });
  fixture.socket.hello({ heartbeat_ms: 40_000 });
  for (let second = 0, answered = 0; second < 600; second++) {
    const { id } = fixture.socket.sent.filter(({ op }) => op === 'ping').at(-1);
    if (id !== answered) fixture.socket.say({ type: 'pong', id, ts: 1 });
    answered = id;
    clock.advance(1000);
  }
  assert.deepEqual(fixture.seen, ['live']);
});

test('steady traffic never stalls', () => {
  const fixture = setUpLive();
  for (let second = 0; second < 60; second++) {
    fixture.clock.advance(1000);
    fixture.socket.say({ type: 'update', data: [trade(second + 1)] });
  }
  assert.deepEqual(fixture.seen, ['live']);
});

test('a socket that was given up is not heard any more', () => {
  const fixture = setUp();
  const [old] = fixture.WebSocket.sockets;
  fixture.clock.advance(10_000 + 125);
  old.hello();
  old.end(4401);
  assert.equal(fixture.feed.state, 'reconnecting');
});

test('a refusal is final until someone asks again', () => {
  for (const code of [1008, 4400, 4401, 4499]) {
    const fixture = setUpLive();
    fixture.socket.end(code, 'no');
    assert.equal(fixture.feed.state, 'closed');
    assert.deepEqual([fixture.feed.details.code, fixture.feed.details.reason], [code, 'no']);
    fixture.clock.advance(1e6);
    assert.equal(fixture.WebSocket.sockets.length, 1);
    fixture.feed.retry();
    assert.equal(fixture.feed.state, 'connecting');
    fixture.socket.hello();
    assert.equal(fixture.feed.state, 'live');
  }
});

test('other closings are not final', () => {
  for (const code of [1000, 1001, 1006, 1011, 1012, 1013, 4399, 4500]) {
    const fixture = setUpLive();
    fixture.socket.end(code);
    assert.equal(fixture.feed.state, 'reconnecting', String(code));
  }
});

test('another protocol is final', () => {
  const fixture = setUp();
  fixture.socket.hello({ protocol: 'pricecast.v9' });
  assert.equal(fixture.feed.state, 'closed');
  assert.match(fixture.feed.details.reason, /pricecast\.v9/);
});

test('close() is final and leaves no timer behind', () => {
  const fixture = setUpLive();
  fixture.feed.close();
  assert.equal(fixture.feed.state, 'closed');
  assert.equal(fixture.clock.pending, 0);
  assert.ok(fixture.socket.isClosedByClient);
});

test('a reconnect to another epoch says so', () => {
  const fixture = setUp();
  const news = [];
  fixture.feed.on('hello', ({ isNewEpoch }) => news.push(isNewEpoch));
  for (const epoch of ['e1', 'e1', 'e2']) {
    fixture.socket.hello({ epoch });
    fixture.socket.end();
    fixture.clock.advance(15_000);
  }
  assert.deepEqual(news, [false, false, true]);
});

test('seq follows the rule: gaps and repeats are reported, items delivered all the same', () => {
  const { feed, socket } = setUpLive();
  const gaps = [];
  let items = 0;
  feed.on('gap', ({ expected, seq }) => gaps.push([expected, seq]));
  feed.on('items', (batch) => { items += batch.items.length; });
  socket.say({ type: 'snapshot', data: [trade(41)] });
  socket.say({ type: 'update', data: [trade(42), trade(50, { skipped: 7 })] });
  assert.deepEqual(gaps, []);
  socket.say({ type: 'update', data: [trade(52)] });
  socket.say({ type: 'update', data: [trade(52)] });
  socket.say({ type: 'update', data: [trade(60, { skipped: 3 })] });
  assert.deepEqual(gaps, [[51, 52], [53, 52], [56, 60]]);
  assert.equal(items, 6);
});

test('streams are told apart by kind, source and symbol', () => {
  const { feed, socket } = setUpLive();
  const gaps = [];
  feed.on('gap', (gap) => gaps.push(gap));
  socket.say({ type: 'update', data: [trade(1), trade(7, { kind: 'quote' }), trade(9, { source: 'y' }), trade(3, { symbol: 'B' })] });
  socket.say({ type: 'update', data: [trade(2), trade(8, { kind: 'quote' }), trade(10, { source: 'y' }), trade(4, { symbol: 'B' })] });
  assert.deepEqual(gaps, []);
});

test('a reset starts counting again; after a reconnect the seq of the same epoch tells what was lost', () => {
  const fixture = setUpLive();
  const gaps = [];
  fixture.feed.on('gap', (gap) => gaps.push(gap));
  fixture.socket.say({ type: 'update', data: [trade(100)] });
  fixture.socket.say({ type: 'reset', epoch: 'e2', reason: 'loop' });
  fixture.socket.say({ type: 'update', data: [trade(1)] });
  fixture.socket.end();
  fixture.clock.advance(1000);
  fixture.socket.hello({ epoch: 'e2' });
  assert.deepEqual(gaps, []);
  fixture.socket.say({ type: 'snapshot', data: [trade(500)] });
  assert.deepEqual(gaps, [{ reason: 'lost', lost: 498, awayMs: 1000 }]);
});

test('unknown messages and fields are ignored, broken ones reported', () => {
  const { feed, socket } = setUpLive();
  const errors = [];
  feed.on('error', ({ code }) => errors.push(code));
  for (const message of [{ type: 'weather' }, {}, null, 7, []]) socket.say(JSON.stringify(message));
  assert.deepEqual(errors, []);
  socket.say('{');
  socket.say({ type: 'update' });
  socket.say({ type: 'error', code: 'slow_consumer', message: 'x' });
  assert.deepEqual(errors, ['bad_frame', 'bad_frame', 'slow_consumer']);
  assert.equal(feed.state, 'live');
});

test('feed, subscribed and reset are passed on', () => {
  const { feed, socket } = setUpLive();
  const heard = [];
  for (const type of ['feed', 'subscribed', 'reset']) feed.on(type, (message) => heard.push(message.type));
  for (const type of ['feed', 'subscribed', 'reset']) socket.say({ type });
  assert.deepEqual(heard, ['feed', 'subscribed', 'reset']);
});

test('the server clock comes from the fastest ping, before that from a heartbeat', () => {
  const fixture = setUp();
  assert.equal(fixture.feed.serverNow(), undefined);
  fixture.socket.hello();
  fixture.socket.say({ type: 'heartbeat', ts: 5_000_000 });
  assert.equal(fixture.feed.serverNow(), 5000);
  assert.equal(fixture.feed.rttMs, undefined);
  const ping = fixture.socket.sent.find(({ op }) => op === 'ping');
  fixture.clock.advance(40);
  fixture.socket.say({ type: 'pong', id: ping.id, ts: 9_000_000 });
  assert.equal(fixture.feed.rttMs, 40);
  assert.equal(fixture.feed.serverNow(), 9020); // half of the way back has passed since
  fixture.clock.advance(100);
  assert.equal(fixture.feed.serverNow(), 9120);
});

test('a pong nobody asked for measures nothing', () => {
  const { feed, socket } = setUpLive();
  socket.say({ type: 'pong', id: 999, ts: 1 });
  assert.equal(feed.serverNow(), undefined);
});

test('a failing listener harms nobody else', (t) => {
  const report = t.mock.method(console, 'error', () => {});
  const { feed, socket } = setUpLive();
  let heard = 0;
  feed.on('items', () => { throw new Error('mine'); });
  feed.on('items', () => heard++);
  socket.say({ type: 'update', data: [trade(1)] });
  assert.deepEqual([heard, report.mock.callCount()], [1, 1]);
});

test('on() returns the way off', () => {
  const { feed, socket } = setUpLive();
  let heard = 0;
  const off = feed.on('items', () => heard++);
  off();
  socket.say({ type: 'update', data: [trade(1)] });
  assert.equal(heard, 0);
});

test('a page that comes back or goes online tries at once; a hidden one does not', () => {
  const page = Object.assign(new EventTarget(), { document: Object.assign(new EventTarget(), { hidden: true }) });
  const fixture = setUpLive({ page });
  fixture.socket.end();
  page.dispatchEvent(new Event('online'));
  assert.equal(fixture.WebSocket.sockets.length, 1);
  page.document.hidden = false;
  page.document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(fixture.WebSocket.sockets.length, 2);
  fixture.feed.close();
  page.dispatchEvent(new Event('online'));
  assert.equal(fixture.WebSocket.sockets.length, 2);
});

test('a page that wakes from sleep notices the silence at once', () => {
  const page = Object.assign(new EventTarget(), { document: Object.assign(new EventTarget(), { hidden: false }) });
  let asleepMs = 0;
  const clock = createClock();
  const fixture = setUpLive({ page, now: () => clock.now() + asleepMs });
  asleepMs = 11_000;
  page.document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(fixture.feed.state, 'stalled');
});
