// Real recordings, replayed to clients: every event arrives, in order, digit for digit. What must
// come is read from the files by other means: zlib, and JSON.parse, to which all prices are strings.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { checkSequence, itemsOf, sourceDir, startServer, streamOf } from '../support/server.mjs';

const folder = process.env.PRICECAST_REALDATA ?? join(sourceDir, '..', 'shared', 'data');
const files = {
  spot: join(folder, 'binance-spot-btcusdt-20240808.capture.gz'),
  usdm: join(folder, 'binance-usdm-btcusdt-20240808.head25k.capture.gz'),
  coinm: join(folder, 'binance-coinm-btcusd-perp-20240808.head15k.capture.gz'),
};
const missing = Object.values(files).filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.log(`skipped: not here: ${missing.join(', ')}`);
  process.exit(0);
}

// Receive times in ns and exchange times in ms, both as µs; what JSON leaves out stays out.
function expectedItem(line) {
  const space = line.indexOf(' ');
  const ns = BigInt(line.slice(0, space));
  const message = JSON.parse(line.slice(space + 1));
  const data = message.data ?? message;
  const common = { source: 'binance', symbol: data.s };
  const recv = Number(ns / 1000n);
  if (data.e === 'trade') {
    const item = {
      kind: 'trade', ...common, ts: data.T * 1000, recv, price: data.p, size: data.q,
      side: data.m ? 'sell' : 'buy',
    };
    return { ns, item };
  }
  if (data.e !== 'bookTicker' && !message.stream?.endsWith('@bookTicker')) return undefined;
  const time = data.T ?? data.E;
  const item = {
    kind: 'quote', ...common, recv, bid: data.b, bid_size: data.B, ask: data.a, ask_size: data.A,
  };
  if (time !== undefined) item.ts = time * 1000;
  return { ns, item };
}

const expectedOf = (path) =>
  String(gunzipSync(readFileSync(path)))
    .split('\n')
    .filter((line) => line !== '')
    .map(expectedItem)
    .filter((event) => event);

// The events with the numbers the server gives: per stream, from 1.
function numbered(events) {
  const counts = new Map();
  return events.map(({ item }) => {
    const seq = (counts.get(streamOf(item)) ?? 0) + 1;
    counts.set(streamOf(item), seq);
    return { ...item, seq };
  });
}

const arguments_ = (paths) => [
  ...paths.flatMap((path) => ['--feed', path]), '--lossless', '--exit-at-end', '--speed', 'max',
];

// Connects so many clients before the replay begins; resolves with all messages of each.
async function replayTo(t, paths, queries) {
  const server = await startServer(t, [...arguments_(paths), '--wait-clients', `${queries.length}`]);
  const clients = [];
  for (const query of queries) clients.push(await server.client(query));
  const read = await Promise.all(
    clients.map((client) => client.until(({ type }) => type === 'shutdown')),
  );
  assert.equal((await server.ended).code, 0);
  return read;
}

function checkEvery(messages, expected) {
  const items = itemsOf(messages, 'update');
  assert.equal(items.length, expected.length);
  for (const [i, item] of items.entries()) assert.deepEqual(item, expected[i]);
  assert.deepEqual(itemsOf(messages, 'snapshot'), []);
  assert.deepEqual(messages.filter(({ type }) => type === 'error'), []);
}

const spot = numbered(expectedOf(files.spot));

test('the recording is the one these numbers were counted in', () => {
  assert.equal(spot.filter(({ kind }) => kind === 'trade').length, 9757);
  assert.equal(spot.filter(({ kind }) => kind === 'quote').length, 28040);
  const trades = spot.filter(({ kind }) => kind === 'trade');
  assert.equal(trades[0].price, '61837.63000000');
  assert.equal(trades.at(-1).price, '61685.99000000');
});

test('every event of the spot recording arrives, in order, on both of two connections', async (t) => {
  const query = '?symbols=BTCUSDT&mode=every';
  for (const messages of await replayTo(t, [files.spot], [query, query])) checkEvery(messages, spot);
});

test('a client that takes only the newest ends in the same state and can count the rest', async (t) => {
  const [messages] = await replayTo(t, [files.spot], ['?symbols=*']);
  const last = checkSequence(itemsOf(messages));
  assert.equal(last.size, 2);
  for (const kind of ['trade', 'quote']) {
    const { skipped, ...item } = last.get(`${kind} binance BTCUSDT`);
    assert.deepEqual(item, spot.findLast((event) => event.kind === kind));
  }
});

test('every event of the futures recordings arrives, with their own times', async (t) => {
  for (const name of ['usdm', 'coinm']) {
    const [messages] = await replayTo(t, [files[name]], ['?symbols=*&mode=every']);
    const expected = numbered(expectedOf(files[name]));
    assert.ok(expected.every(({ ts }) => ts !== undefined), 'futures quotes have a time');
    checkEvery(messages, expected);
  }
});

test('three recordings are merged by the time they were received', async (t) => {
  const order = ['spot', 'usdm', 'coinm'];
  const [messages] = await replayTo(
    t, order.map((name) => files[name]), ['?symbols=*&mode=every'],
  );
  // sort() is stable: equal times keep the order of the feeds, then that of the file.
  const merged = order
    .flatMap((name) => expectedOf(files[name]))
    .sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));
  checkEvery(messages, numbered(merged));
});

test('recorded spacing is kept at a speed', async (t) => {
  const server = await startServer(t, [
    '--feed', files.spot, '--speed', '50', '--to', '+40s', '--wait-clients', '1', '--exit-at-end',
  ]);
  const client = await server.client('?symbols=*&mode=every');
  const arrivals = [];
  for (;;) {
    const message = await client.next();
    if (message.type === 'shutdown') break;
    const at = performance.now();
    if (message.type === 'update')
      for (const { recv } of message.data) arrivals.push({ at, due: recv / 1000 / 50 });
  }
  await server.ended;
  const [first] = arrivals;
  const late = arrivals
    .map(({ at, due }) => Math.abs(at - first.at - (due - first.due)))
    .sort((a, b) => a - b);
  const at = (share) => late[Math.floor(share * (late.length - 1))].toFixed(2);
  t.diagnostic(
    `${arrivals.length} events at speed 50: off by ${at(0.5)} ms (p50), ${at(0.99)} ms (p99), ` +
      `${at(1)} ms (max)`,
  );
  assert.deepEqual(
    arrivals.length,
    spot.filter(({ recv }) => recv - spot[0].recv < 40e6).length,
  );
});
