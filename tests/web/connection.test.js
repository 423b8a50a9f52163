/* Promises, pages, URLs, codecs, figures and HTTP of the client; the states are in client.test.js. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FeedError, connect } from '../../web/client/pricecast.js';
import { createClock, createSocketClass } from './support/fakes.js';

function setUp({ url = 'ws://h:1/ws', ...options } = {}) {
  const clock = createClock();
  const WebSocket = createSocketClass();
  const feed = connect(url, {
    WebSocket, now: clock.now, wallNow: clock.now, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout,
    random: () => 0.5, page: null, ...options,
  });
  return { clock, WebSocket, feed, get socket() { return WebSocket.last; } };
}
const trade = (seq, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq, ...more });

// ---- promises ----

test('ready resolves while live, waits while not, and rejects when closed', async () => {
  const { feed, socket, WebSocket, clock } = setUp();
  const first = feed.ready;
  socket.hello();
  await first;
  await feed.ready;
  socket.end();
  let isAgain = false;
  const again = feed.ready.then(() => { isAgain = true; });
  await null;
  assert.equal(isAgain, false);
  clock.advance(1000);
  WebSocket.last.hello();
  await again;
  feed.close();
  await assert.rejects(feed.ready, (error) => error instanceof FeedError && error.code === 'closed');
});

test('closed resolves with the reason, with nothing after close(), and anew after retry()', async () => {
  const fixture = setUp();
  fixture.socket.end(4403, 'not yours');
  const error = await fixture.feed.closed;
  assert.deepEqual([error.code, error.status, error.message, error.retryable], ['refused', 4403, 'not yours', false]);
  fixture.feed.retry();
  fixture.socket.hello();
  await fixture.feed.ready;
  fixture.feed.close();
  assert.equal(await fixture.feed.closed, undefined);
});

test('reconnect: false and attemptsMax end in closed, and say it may be tried again', async () => {
  const once = setUp({ reconnect: false });
  once.socket.end(1006);
  assert.equal(once.feed.state, 'closed');
  const thrice = setUp({ attemptsMax: 2 });
  for (let i = 0; i < 3; i++) {
    thrice.socket.end(1006, 'gone');
    thrice.clock.advance(15_000);
  }
  assert.equal(thrice.WebSocket.sockets.length, 3);
  const error = await thrice.feed.closed;
  assert.deepEqual([error.code, error.retryable, error.message], ['network', true, 'gone']);
});

// ---- URLs ----

test('a function is asked for the URL before every try', () => {
  let tries = 0;
  const fixture = setUp({ url: () => `ws://h/ws?token=${++tries}` });
  fixture.socket.end();
  fixture.clock.advance(1000);
  assert.deepEqual(fixture.WebSocket.sockets.map(({ url }) => url), ['ws://h/ws?token=1', 'ws://h/ws?token=2']);
});

test('a promised URL is waited for; one that comes too late is not used', async () => {
  const waiting = [];
  const fixture = setUp({ url: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })) });
  assert.equal(fixture.feed.state, 'connecting');
  fixture.clock.advance(10_000); // no answer
  assert.equal(fixture.feed.state, 'reconnecting');
  fixture.clock.advance(125);
  waiting[0].resolve('ws://late/ws');
  waiting[1].resolve('ws://h/ws');
  await new Promise(setImmediate);
  assert.deepEqual(fixture.WebSocket.sockets.map(({ url }) => url), ['ws://h/ws']);
  fixture.socket.end();
  fixture.clock.advance(1000);
  waiting[2].reject(new Error('no token'));
  await new Promise(setImmediate);
  assert.match(fixture.feed.details.reason, /no token/);
  assert.equal(fixture.feed.state, 'reconnecting');
});

test('a URL that cannot be one is refused for good', async () => {
  class WebSocket { constructor() { throw new SyntaxError('bad URL'); } }
  const { feed, clock } = setUp({ WebSocket, url: 'nonsense' });
  assert.equal(feed.state, 'closed');
  assert.equal(clock.pending, 0);
  await assert.rejects(feed.ready, { code: 'bad_request' });
});

// ---- pages ----

const createPage = (hidden = false) =>
  Object.assign(new EventTarget(), { document: Object.assign(new EventTarget(), { hidden }) });

test('a page that is left lets go of its socket, one that is shown again dials at once', () => {
  const page = createPage();
  const fixture = setUp({ page });
  fixture.socket.hello();
  page.dispatchEvent(new Event('pagehide'));
  assert.ok(fixture.WebSocket.sockets[0].isClosedByClient);
  assert.equal(fixture.feed.state, 'reconnecting');
  assert.equal(fixture.clock.pending, 0);
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(fixture.WebSocket.sockets.length, 2);
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(fixture.WebSocket.sockets.length, 2);
});

test('the first pageshow changes nothing, and a closed feed stays closed', () => {
  const page = createPage();
  const fixture = setUp({ page });
  page.dispatchEvent(new Event('pageshow'));
  fixture.socket.hello();
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(fixture.WebSocket.sockets.length, 1);
  fixture.socket.end(1006); // before the page has loaded to its end: the delay counts all the same
  page.dispatchEvent(new Event('pageshow'));
  assert.equal(fixture.WebSocket.sockets.length, 1);
  fixture.feed.retry();
  fixture.WebSocket.last.hello();
  fixture.WebSocket.last.end(4400);
  for (const event of ['pagehide', 'pageshow', 'online']) page.dispatchEvent(new Event(event));
  assert.deepEqual([fixture.feed.state, fixture.WebSocket.sockets.length], ['closed', 2]);
});

// ---- codecs ----

/** A definition of stream 5 (x, A, trade), and an update of one trade of it: "1.50" × "2". */
const DEFINE = Uint8Array.from([1, 5, 0, 0, 0, 1, 0x78, 1, 0x41]).buffer;
const UPDATE = Uint8Array.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 7, 0, 2, 150, 0, 2]).buffer;

test('binary is offered before JSON, and both are understood', () => {
  const { feed, socket } = setUp({ codec: 'binary' });
  assert.deepEqual(socket.protocols, ['pricecast.v1.bin', 'pricecast.v1.json']);
  assert.equal(socket.binaryType, 'arraybuffer');
  const heard = [];
  feed.on('items', ({ items }) => heard.push(...items));
  socket.hello();
  socket.onmessage({ data: DEFINE });
  socket.onmessage({ data: UPDATE });
  socket.say({ type: 'update', data: [trade(8)] });
  assert.deepEqual(heard, [trade(7, { price: '1.50', size: '2' }), trade(8)]);
});

test('frames that cannot be read are reported, with their cause', () => {
  const fixture = setUp({ codec: 'binary' });
  const errors = [];
  fixture.feed.on('error', (error) => errors.push(error));
  fixture.socket.hello();
  fixture.socket.onmessage({ data: UPDATE }); // of a stream that was not defined
  fixture.socket.onmessage({ data: new ArrayBuffer(0) });
  fixture.socket.onmessage({ data: Uint8Array.from([99, 1]).buffer }); // a newer server's
  assert.deepEqual(errors.map(({ code, cause }) => [code, cause.name]), [['bad_frame', 'BinaryError'], ['bad_frame', 'BinaryError']]);
  assert.equal(fixture.feed.state, 'live');
});

test('definitions belong to one connection', () => {
  const fixture = setUp({ codec: 'binary' });
  let errors = 0;
  fixture.feed.on('error', () => errors++);
  fixture.socket.hello();
  fixture.socket.onmessage({ data: DEFINE });
  fixture.socket.end();
  fixture.clock.advance(1000);
  fixture.socket.hello();
  fixture.socket.onmessage({ data: UPDATE });
  assert.equal(errors, 1);
});

// ---- figures ----

test('stats: rates of whole seconds, conflation, and ages by the clock of the server', () => {
  const fixture = setUp();
  fixture.socket.hello();
  const { id } = fixture.socket.sent.find(({ op }) => op === 'ping');
  fixture.clock.advance(20);
  fixture.socket.say({ type: 'pong', id, ts: 5_000_000 }); // our 1020 is 5010 there
  for (let i = 1; i <= 10; i++) {
    fixture.socket.say({ type: 'update', data: [trade(2 * i, { skipped: 1, recv: 5_010_000 - 1000 * i })] });
  }
  const before = fixture.feed.stats;
  assert.deepEqual([before.rttMs, before.clockOffsetMs, before.items, before.conflated], [20, 3990, 10, 10]);
  assert.deepEqual([before.ageP50Ms, before.ageP99Ms, before.itemsPerS], [6, 10, 0]);
  fixture.clock.advance(1000);
  const { itemsPerS, messagesPerS, bytesPerS } = fixture.feed.stats;
  assert.deepEqual([itemsPerS, messagesPerS], [2, 12 / 5]); // hello and pong as well
  assert.ok(bytesPerS > 100);
  fixture.clock.advance(6000);
  assert.equal(fixture.feed.stats.itemsPerS, 0);
});

test('recorded prices have no age', () => {
  const { feed, socket } = setUp();
  socket.hello({ mode: 'replay' });
  socket.say({ type: 'heartbeat', ts: 5_000_000 });
  socket.say({ type: 'update', data: [trade(1, { recv: 5 })] });
  assert.equal(feed.stats.ageP50Ms, undefined);
});

// ---- HTTP ----

/** @returns a fetch that answers with `answers` in turn, and what it was asked */
function createFetch(...answers) {
  const asked = [];
  const fetch = async (url, { method = 'GET', body } = {}) => {
    asked.push([method, url, ...(body ? [JSON.parse(body)] : [])]);
    const { status = 200, json, text } = answers.shift();
    if (status === 0) throw new TypeError('fetch failed');
    return { ok: status < 300, status, json: async () => json, text: async () => text };
  };
  return { fetch, asked };
}

test('candles come as objects, from beside the socket', async () => {
  const { fetch, asked } = createFetch({ json: { symbol: 'A', interval: '5m', kind: 'trade', candles: [[60, '1', '2', '0.5', '1.5', '10']] } });
  const { feed } = setUp({ url: 'wss://h:1/ws?symbols=B', fetch });
  const answer = await feed.candles('A B', { interval: '5m', limit: 3, before: 99 });
  assert.deepEqual(asked, [['GET', 'https://h:1/api/v1/candles?symbol=A+B&interval=5m&limit=3&before=99']]);
  assert.deepEqual(answer.candles, [{ time: 60, open: '1', high: '2', low: '0.5', close: '1.5', volume: '10' }]);
});

test('the replay is told what to do', async () => {
  const { fetch, asked } = createFetch(...Array.from({ length: 9 }, () => ({ json: { state: 'paused' } })));
  const { feed: { replay } } = setUp({ fetch });
  assert.deepEqual(await replay.state(), { state: 'paused' });
  await replay.pause();
  await replay.resume();
  await replay.seek(new Date(1700000000000));
  await replay.seek('50%');
  await replay.speed('max');
  await replay.step();
  await replay.loop(true);
  await replay.stop();
  assert.deepEqual(asked.map(([method, , body]) => body ?? method), [
    'GET', { action: 'pause' }, { action: 'resume' }, { action: 'seek', to: 1700000000000000 }, { action: 'seek', to: '50%' },
    { action: 'speed', value: 'max' }, { action: 'step', count: 1 }, { action: 'loop', value: true }, { action: 'stop' },
  ]);
  assert.equal(asked[1][1], 'http://h:1/api/v1/replay');
});

test('metrics are a text beside the API', async () => {
  const { fetch, asked } = createFetch({ text: 'pricecast_streams 2\n' }, { status: 503, text: 'no' }, { status: 0 });
  const { feed } = setUp({ url: 'ws://h:1/ws?symbols=B', fetch });
  assert.equal(await feed.metrics(), 'pricecast_streams 2\n');
  assert.deepEqual(asked, [['GET', 'http://h:1/metrics']]);
  await assert.rejects(feed.metrics(), { status: 503, retryable: true });
  await assert.rejects(feed.metrics(), { code: 'network', retryable: true });
});

test('refusals carry code and status, failures may be retried', async () => {
  const { fetch } = createFetch({ status: 404, json: { error: { code: 'not_found', message: 'no such symbol' } } },
    { status: 503, json: {} }, { status: 0 });
  const { feed } = setUp({ fetch });
  const shape = ({ code, status, retryable }) => [code, status, retryable];
  const errors = [];
  for (let i = 0; i < 3; i++) await feed.candles('A').catch((error) => errors.push(error));
  assert.ok(errors.every((error) => error instanceof FeedError));
  assert.deepEqual(errors.map(shape), [['not_found', 404, false], ['internal', 503, true], ['network', undefined, true]]);
  assert.ok(errors[2].cause instanceof TypeError);
});
