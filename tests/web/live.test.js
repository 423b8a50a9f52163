/* The client against the real server, through what happens to servers. Waits for events only. */
import assert from 'node:assert/strict';
import test from 'node:test';
import WebSocket from 'ws';
import { connect } from '../../web/client/pricecast.js';
import { recording, startServer, trade, within } from '../support/server.mjs';

// With room for minutes, so that nothing is skipped because the machine is busy.
const SIM = ['--feed', 'sim:?symbols=4&rate=400&seed=1', '--max-queue-bytes', '100000000'];
// Timers keep nothing alive: after a failure the process ends all the same.
const QUICK = { backoffMinMs: 1, backoffMaxMs: 20, setTimeout: (fire, ms) => setTimeout(fire, ms).unref() };

/** A server that may end as the test likes. */
async function start(t, args, options) {
  const server = await startServer(null, args, options);
  t.after(async () => {
    server.child.kill('SIGCONT');
    server.child.kill('SIGKILL');
    await server.ended;
  });
  return server;
}

/** A feed of which everything is noted, and that tests can wait with. */
function open(t, server, { url = server.ws, ...options } = {}) {
  const sockets = [];
  class Socket extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const feed = connect(url, { WebSocket: Socket, ...QUICK, ...options });
  const states = [];
  feed.on('state', ({ from, to }) => { if (from !== to) states.push(to); });
  t.after(() => feed.close());
  const next = (event, test = () => true) => within(new Promise((resolve) => {
    const off = feed.on(event, (payload) => {
      if (!test(payload)) return;
      off();
      resolve(payload);
    });
  }), `${event}; states: ${states}`);
  const until = (state) => (feed.state === state ? undefined : next('state', ({ to }) => to === state));
  return { feed, states, next, until, cut: () => sockets.at(-1).terminate() };
}

/** The next batch that is not the empty snapshot of a market that has not begun. */
const batchOf = async (subscription) => within(new Promise((resolve) => {
  const off = subscription.on('batch', (batch) => {
    if (batch.items.length === 0) return;
    off();
    resolve(batch);
  });
}), 'a batch');

test('killed and started again: reconnecting, then live in a new epoch, and everything subscribed', async (t) => {
  const first = await start(t, SIM);
  const { feed, states, next, until } = open(t, first);
  const subscription = feed.subscribe(['*']);
  const gaps = [];
  subscription.on('gap', (gap) => gaps.push(gap.reason));
  await batchOf(subscription);
  first.child.kill('SIGKILL');
  await until('reconnecting');
  await first.ended;
  const hello = next('hello');
  await start(t, SIM, { port: first.port });
  assert.equal((await hello).isNewEpoch, true);
  await batchOf(subscription);
  assert.deepEqual([states[0], states[1], states.at(-1)], ['live', 'reconnecting', 'live']);
  assert.deepEqual(gaps, ['epoch']);
  assert.equal(feed.stats.reconnects, 1);
});

for (const [told, heartbeatMs, options] of [['by its heartbeats', 200, {}], ['by its answers', 60_000, { pingMs: 200 }]]) {
  test(`stopped in its tracks: stalled, then reconnecting; going on: live; told ${told}`, async (t) => {
    const server = await start(t, [...SIM, '--heartbeat-ms', String(heartbeatMs)]);
    const { feed, next, until } = open(t, server, options);
    await feed.ready;
    const stalled = next('state', ({ to }) => to === 'stalled');
    const lost = next('state', ({ to }) => to === 'reconnecting');
    server.child.kill('SIGSTOP');
    await stalled;
    assert.equal((await lost).reason, 'nothing received');
    server.child.kill('SIGCONT');
    await until('live');
  });
}

test('told to end: it says when to come back, and the client obeys', async (t) => {
  const server = await start(t, SIM);
  const { feed, next } = open(t, server);
  await feed.ready;
  const lost = next('state', ({ to }) => to === 'reconnecting');
  server.child.kill('SIGTERM');
  const { reason, code, retryAt } = await lost;
  assert.deepEqual([reason, code], ['server shut down', 1012]);
  const waitMs = retryAt - performance.now();
  assert.ok(waitMs <= 5000, String(waitMs));
});

for (const codec of ['json', 'binary']) {
  test(`cut off: what was missed comes again, nothing twice: ${codec}`, async (t) => {
    const server = await startServer(t, SIM);
    const { feed, next, cut } = open(t, server, { codec });
    const subscription = feed.subscribe(['*'], { mode: 'every' });
    const last = new Map();
    const wrong = [];
    feed.on('gap', (gap) => wrong.push(gap));
    subscription.on('batch', ({ items, isSnapshot }) => {
      for (const { kind, symbol, seq } of items) {
        const stream = `${kind} ${symbol}`;
        if (last.has(stream) && seq !== last.get(stream) + 1) wrong.push({ stream, seq, isSnapshot, before: last.get(stream) });
        last.set(stream, seq);
      }
    });
    for (let i = 0; i < 3; i++) {
      await batchOf(subscription);
      const resumed = next('resumed');
      cut();
      const { lost } = await resumed;
      assert.equal(lost, 0);
    }
    await batchOf(subscription);
    assert.deepEqual(wrong, []);
    assert.equal(feed.stats.reconnects, 3);
  });
}

test('away for longer than the server remembers: what is lost is told', async (t) => {
  const items = Array.from({ length: 30 }, (_, i) => trade('A', 1_700_000_000_000_000 + i));
  const server = await startServer(t, ['--feed', recording(t, items), '--start-paused', '--resume-events', '4']);
  await server.untilReplay('paused');
  let release = () => {};
  let gate = Promise.resolve();
  const { feed, next, cut } = open(t, server, { url: () => gate.then(() => server.ws) });
  const subscription = feed.subscribe(['A'], { mode: 'every' });
  await subscription.ready;
  const seqs = [];
  subscription.on('batch', ({ items: some }) => seqs.push(...some.map(({ seq }) => seq)));
  const fifth = next('items', ({ items: some }) => some.at(-1).seq === 5);
  await feed.replay.step(5);
  await fifth;
  gate = new Promise((resolve) => { release = resolve; });
  const resumed = next('resumed');
  const gap = next('gap');
  cut();
  await feed.replay.step(20);
  release();
  const { recovered, lost, awayMs } = await resumed;
  assert.deepEqual([recovered, lost], [4, 16]);
  assert.deepEqual(await gap, { reason: 'lost', lost: 16, awayMs });
  assert.deepEqual(seqs, [1, 2, 3, 4, 5, 22, 23, 24, 25]);
});

for (const overflow of ['latest', 'drop-oldest']) {
  test(`a loop that is slow keeps little, and knows what it did not see: ${overflow}`, async (t) => {
    const items = Array.from({ length: 20_000 }, (_, i) => trade(`S${i % 3}`, 1_700_000_000_000_000 + i));
    const server = await startServer(t, ['--feed', recording(t, items), '--speed', 'max', '--wait-clients', '1', '--lossless']);
    const { feed, next } = open(t, server);
    const ended = next('feed', ({ state }) => state === 'ended');
    const subscription = feed.subscribe(['*'], { mode: 'every' });
    const complete = within(new Promise((resolve) => {
      subscription.on('batch', (batch) => { if (batch.items.some(({ symbol, seq }) => symbol === 'S1' && seq === 6667)) resolve(); });
    }), 'the last item');
    const loop = subscription.batches({ buffer: 50, overflow });
    await ended;
    await complete;
    feed.close();
    const last = new Map();
    let count = 0;
    for await (const { items: some } of loop) {
      for (const { symbol, seq, skipped = 0 } of some) {
        if (last.has(symbol)) assert.equal(seq, last.get(symbol) + 1 + skipped);
        last.set(symbol, seq);
        count++;
      }
    }
    assert.ok(count > 0 && count <= 100, String(count));
    assert.deepEqual([...last].sort(), [['S0', 6667], ['S1', 6667], ['S2', 6666]]);
  });
}

test('both codecs tell the same', async (t) => {
  const items = Array.from({ length: 300 }, (_, i) => trade(`S${i % 3}`, 1_700_000_000_000_000 + i, { price: `${i}.50` }));
  const server = await startServer(t, ['--feed', recording(t, items), '--speed', 'max', '--wait-clients', '2', '--lossless']);
  const all = await Promise.all(['json', 'binary'].map(async (codec) => {
    const { feed, next } = open(t, server, { codec });
    const seen = [];
    feed.subscribe(['*'], { mode: 'every' }).on('batch', (batch) => seen.push(...batch.items));
    await next('feed', ({ state }) => state === 'ended');
    return { seen, bytes: feed.stats.bytes };
  }));
  assert.equal(all[0].seen.length, 300);
  assert.deepEqual(all[0].seen, all[1].seen);
  assert.ok(all[1].bytes < all[0].bytes / 2);
});

test('candles and the replay over HTTP', async (t) => {
  const start = 1_700_000_040_000_000;
  const items = [0, 30, 60].map((second, i) => trade('A', start + second * 1_000_000, { price: `${i + 1}.0` }));
  const server = await startServer(t, ['--feed', recording(t, items), '--start-paused']);
  const { feed } = open(t, server);
  await assert.rejects(feed.candles('A'), { code: 'not_found', status: 404 });
  await server.untilReplay('paused');
  assert.equal((await feed.replay.state()).state, 'paused');
  const updates = feed.subscribe(['A'], { mode: 'every' });
  await updates.ready;
  const batch = batchOf(updates);
  await feed.replay.step(3);
  await batch;
  const { candles } = await feed.candles('A', { interval: '1m' });
  assert.deepEqual(candles.map(({ time, open: first, close }) => [time, first, close]), [[start, '1.0', '2.0'], [start + 60_000_000, '3.0', '3.0']]);
  assert.equal((await feed.replay.speed('max')).speed, 'max');
  assert.equal((await feed.get('status')).replay.speed, 'max');
});
