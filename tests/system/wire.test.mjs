// What the same prices look like in each encoding.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  checkSequence, itemsOf, quote, recording, startServer, trade, within,
} from '../support/server.mjs';

const T0 = 1700000000000000;
const binary = { protocols: ['pricecast.v1.bin'] };

// Decimals of every shape, streams that come up late, names beyond ASCII, fields left out.
function mixedLines(count) {
  const symbols = ['BTC-USD', 'ü€', 'A"B', 'ETH'], lines = [];
  const prices = ['1.50', '61837.63000000', '0.00000001', '-0.00', '18446744073709551615', '7'];
  for (let i = 0; i < count; i++) {
    const symbol = symbols[Math.min(i % 7, Math.floor(i / 50)) % symbols.length];
    const price = prices[(i * 5) % prices.length], size = prices[(i * 3 + 1) % prices.length];
    if (i % 3 === 0) lines.push(trade(symbol, T0 + i * 100, { price, size }));
    else if (i % 3 === 1) lines.push(quote(symbol, T0 + i * 100, { bid: price, ask: size }));
    else lines.push({ kind: 'quote', symbol, source: 'y', recv: T0 + i * 100, ask: price });
  }
  return lines;
}

test('binary says what JSON says', async (t) => {
  const count = 600;
  const server = await startServer(t, [
    '--feed', recording(t, mixedLines(count)), '--speed', 'max', '--start-paused', '--lossless',
  ]);
  const query = '?symbols=*&mode=every';
  const json = await server.client(query);
  const bin = await server.client(query, binary);
  const own = await server.client('', binary); // streams of two deliveries, defined as they come up
  const subscribe = (rest) => own.ask({ op: 'subscribe', mode: 'every', ...rest }, 'subscribed');
  await subscribe({ symbols: ['ETH', 'A*'], max_rate: 1000 });
  await subscribe({ symbols: ['*'] });
  await server.replay({ action: 'resume' });
  const [expected, seen, mixed] = await Promise.all([json, bin, own].map(async (client) => {
    const items = [];
    await client.until((message) => items.push(...itemsOf([message], 'update')) >= count);
    return items;
  }));
  assert.equal(expected.length, count);
  assert.deepEqual(seen, expected);
  assert.ok(bin.binaryFrames > 1 && json.binaryFrames === 0);
  checkSequence(mixed);
  const sorted = (items) => items.map((item) => JSON.stringify(item)).sort();
  assert.deepEqual(sorted(mixed), sorted(expected));
});

test('a binary snapshot is that of JSON, and definitions come once', async (t) => {
  const server = await startServer(t, ['--feed', recording(t, mixedLines(600)), '--speed', 'max']);
  await server.untilReplay('ended');
  const json = await server.client('?symbols=*');
  const bin = await server.client('?symbols=*', binary);
  await json.next('subscribed');
  await bin.next('subscribed');
  const expected = await json.next('snapshot'), seen = await bin.next('snapshot');
  assert.deepEqual(seen, expected);
  assert.equal(bin.streams.size, expected.data.length);
  const frames = bin.binaryFrames;
  await bin.ask({ op: 'subscribe', symbols: ['ETH'], mode: 'every' }, 'subscribed');
  assert.deepEqual(await bin.next('snapshot'), { type: 'snapshot', data: [] });
  assert.equal(bin.binaryFrames, frames + 1, 'the empty snapshot, and no definitions again');
});

// ---- Server-Sent Events ----

/** Server-Sent Events as their standard has them, of which `data`, `id` and `retry` occur. */
class EventStream {
  constructor(server, path, headers = {}) {
    this.server = server;
    this.lastId = '';
    this.messages = [];
    this.rest = '';
    this.asked = request({
      host: '127.0.0.1', port: server.port, path: `/sse${path}`, agent: false, headers,
    });
    this.asked.on('error', () => {});
    this.asked.end();
  }

  async open() {
    [this.answer] = await within(once(this.asked, 'response'), 'an answer');
    this.answer.setEncoding('utf8');
    this.answer.on('error', () => {});
    this.chunks = this.answer[Symbol.asyncIterator]();
    return this;
  }

  block(text) {
    const data = [];
    let id;
    for (const line of text.split('\n')) {
      const [, field, value] = /^([a-z]+): (.*)$/.exec(line) ?? assert.fail(`a line: ${line}`);
      if (field === 'data') data.push(value);
      else if (field === 'id') id = value;
      else if (field === 'retry') this.retryMs = Number(value);
      else assert.fail(line);
    }
    if (id !== undefined) this.lastId = id;
    if (data.length > 0) this.messages.push({ message: JSON.parse(data.join('\n')), id });
  }

  /** The next message with its id, or undefined at the end; feeds' states are passed over. */
  async next() {
    let event;
    do event = await this.receive();
    while (event?.message.type === 'feed');
    return event;
  }

  async receive() {
    while (this.messages.length === 0) {
      const { value, done } = await within(this.chunks.next(), 'an event');
      if (done) return undefined;
      const blocks = (this.rest + value).split('\n\n');
      this.rest = blocks.pop();
      for (const block of blocks) this.block(block);
    }
    return this.messages.shift();
  }

  async until(test) {
    const read = [];
    do {
      const event = await this.next() ?? assert.fail('the stream ended');
      read.push(event.message);
    } while (!test(read.at(-1)));
    return read;
  }
}

const eventStream = (server, path, headers) => new EventStream(server, path, headers).open();

test('Server-Sent Events are the JSON messages, with ids', async (t) => {
  const count = 300;
  const server = await startServer(t, [
    '--feed', recording(t, mixedLines(count)), '--speed', 'max', '--start-paused', '--lossless',
  ]);
  const json = await server.client('?symbols=*&mode=every');
  const sse = await eventStream(server, '?symbols=*&mode=every');
  const latest = await eventStream(server, '?symbols=ETH,A*&kinds=trade&max_rate=100');
  assert.equal(sse.answer.statusCode, 200);
  assert.equal(sse.answer.headers['content-type'], 'text/event-stream');
  assert.equal(sse.answer.headers['cache-control'], 'no-cache');
  assert.equal(sse.answer.headers['x-accel-buffering'], 'no');
  assert.deepEqual((await sse.next()).message, json.hello);
  assert.ok(sse.retryMs >= 500 && sse.retryMs < 5000);
  assert.equal((await sse.next()).message.type, 'subscribed');
  const first = await sse.next();
  assert.deepEqual(first.message, { type: 'snapshot', data: [] });
  assert.equal(first.id, `${json.hello.epoch}-0`);

  await server.replay({ action: 'resume' });
  const expected = [], seen = [];
  await json.until((message) => expected.push(...itemsOf([message], 'update')) >= count);
  await sse.until((message) => seen.push(...itemsOf([message], 'update')) >= count);
  assert.deepEqual(seen, expected);
  assert.equal(sse.lastId, `${json.hello.epoch}-${count}`);
  const wanted = expected.filter(({ kind, symbol }) => kind === 'trade' && /^(ETH|A.*)$/.test(symbol));
  const newest = checkSequence(wanted);
  const got = new Map();
  await latest.until((message) => {
    for (const item of message.data ?? []) got.set(item.symbol, item.seq);
    return [...newest.values()].every(({ symbol, seq }) => got.get(symbol) === seq);
  });
  assert.match(latest.lastId, new RegExp(`^${json.hello.epoch}-\\d+$`));
});

test('an id counts the events of all streams up to the message', async (t) => {
  const lines = ['A', 'B', 'A', 'B', 'B', 'A'].map((symbol, i) => trade(symbol, T0 + i));
  const server = await startServer(t, [
    '--feed', recording(t, lines), '--start-paused', '--shards', '1',
  ]);
  const observer = await server.client('?symbols=*&mode=every');
  const sse = await eventStream(server, '?symbols=A&mode=every');
  await sse.until(({ type }) => type === 'snapshot');
  const ids = [];
  for (let i = 0; i < lines.length; i++) {
    await server.replay({ action: 'step', count: 1 });
    await observer.until(({ type }) => type === 'update');
    if (lines[i].symbol === 'A') ids.push((await sse.next()).id);
  }
  assert.deepEqual(ids, [1, 3, 6].map((position) => `${observer.hello.epoch}-${position}`));
});

test('what is no stream of events is answered in JSON', async (t) => {
  const server = await startServer(t, [
    '--feed', recording(t, [trade('A', T0)]), '--allow-origin', 'http://friend:1',
  ]);
  const refused = [
    ['/sse', 400, 'bad_request'],
    ['/sse?symbols=', 400, 'bad_request'],
    ['/sse?symbols=A&mode=fast', 400, 'bad_request'],
    ['/sse?symbols=A&max_rate=0', 400, 'bad_request'],
    ['/sse?symbols=A&kinds=x', 400, 'bad_request'],
  ];
  for (const [path, status, code] of refused) {
    const answer = await server.http(path);
    assert.deepEqual([answer.status, answer.json.error.code], [status, code], path);
  }
  const foreign = await server.http('/sse?symbols=A', { headers: { Origin: 'http://foe:1' } });
  assert.deepEqual([foreign.status, foreign.json.error.code], [403, 'forbidden']);
  for (const method of ['HEAD', 'POST', 'PUT'])
    assert.equal((await server.http('/sse?symbols=A', { method })).status, 405, method);
  const friend = await eventStream(server, '?symbols=A', { Origin: 'http://friend:1' });
  assert.equal(friend.answer.headers['access-control-allow-origin'], 'http://friend:1');
  assert.equal((await friend.next()).message.type, 'hello');
  const own = await eventStream(server, '?symbols=A', { Origin: server.url.slice(0, -1) });
  assert.equal(own.answer.statusCode, 200);
});

test('heartbeats and the end are events, too', async (t) => {
  const server = await startServer(undefined, [
    '--feed', recording(t, [trade('A', T0)]), '--start-paused', '--heartbeat-ms', '100',
  ]);
  const sse = await eventStream(server, '?symbols=A');
  await sse.until(({ type }) => type === 'heartbeat');
  const finished = server.finish();
  await sse.until(({ type }) => type === 'shutdown');
  assert.equal(await sse.next(), undefined);
  await finished;
});

test('what a client says on a stream of events is passed over, and its leaving noticed', async (t) => {
  const server = await startServer(t, [
    '--feed', recording(t, [trade('A', T0)]), '--start-paused', '--heartbeat-ms', '100',
  ]);
  const sessions = async () => (await server.http('/api/v1/status')).json.clients.sessions;
  const untilSessions = (count) =>
    within((async () => { while (await sessions() !== count); })(), `${count} sessions`);
  const socket = connect(server.port, '127.0.0.1');
  const head = 'GET /sse?symbols=A HTTP/1.1\r\nHost: x\r\n';
  socket.on('error', () => {});
  socket.write(`${head}\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
  const [first] = await within(once(socket, 'data'), 'the head');
  assert.match(String(first), /^HTTP\/1.1 200 /);
  socket.write('more\r\n\r\n'.repeat(1000));
  for (let beats = 0; beats < 2;) {
    const [chunk] = await within(once(socket, 'data'), 'a heartbeat');
    beats += /heartbeat/.test(String(chunk));
    assert.doesNotMatch(String(chunk), /HTTP/);
  }
  await untilSessions(1);
  socket.end(); // only half of it
  await untilSessions(0);
  const body = connect(server.port, '127.0.0.1');
  body.on('error', () => {});
  body.write(`${head}Content-Length: 5\r\n\r\nhello`);
  await within(once(body, 'data'), 'an answer');
  body.destroy();
  await untilSessions(0);
});

test('a stream of events that is not read falls back like any session', async (t) => {
  const server = await startServer(t, [
    '--feed', 'sim:?symbols=20&rate=50000&seed=1', '--max-queue-bytes', '65536',
  ]);
  const sse = await eventStream(server, '?symbols=*&mode=every');
  await sse.until(({ type }) => type === 'subscribed');
  const looks = (async () => { // meanwhile nothing of the stream is asked for
    let text;
    do text = (await server.http('/metrics')).body;
    while (!/^pricecast_slow_consumers_total(\{.*\})? [1-9]/m.test(text));
  })();
  await within(looks, 'a fall back');
  const items = [];
  await sse.until((message) => {
    items.push(...itemsOf([message], 'update'));
    return message.code === 'slow_consumer';
  });
  await sse.until((message) => {
    items.push(...itemsOf([message], 'update'));
    return items.at(-1).skipped > 0;
  });
  checkSequence(items);
  sse.asked.destroy();
});

// ---- what an item may tell besides ----

/** Decimals with eight digits after the point, as an integer. */
const units = (text) => BigInt(text.replace('.', ''));

// An item's ohlc is what the trades it skipped come to; the times are those of the recording.
function checkOhlc(items, all) {
  let conflated = 0;
  for (const { seq, skipped = 0, open, high, low, volume, unseen } of items) {
    const passed = all.slice(seq - 1 - skipped, seq - 1);
    assert.equal(unseen, undefined);
    if (skipped === 0) {
      assert.deepEqual([open, high, low, volume], [undefined, undefined, undefined, undefined]);
      continue;
    }
    conflated++;
    const prices = passed.map(({ price }) => units(price));
    const sum = passed.reduce((total, { size }) => total + units(size), 0n);
    assert.equal(open, passed[0].price);
    assert.equal(units(high), prices.reduce((a, b) => (a > b ? a : b)));
    assert.equal(units(low), prices.reduce((a, b) => (a < b ? a : b)));
    assert.equal(units(volume), sum);
  }
  return conflated;
}

/** The bus goes round before a thread has looked: what it missed is unseen, the rest is as told. */
function checkUnseen({ seq, skipped = 0, open, high, low, volume, unseen = 0 }, all) {
  const passed = all.slice(seq - 1 - skipped, seq - 1);
  assert.ok(unseen <= skipped);
  if (unseen === skipped) {
    assert.deepEqual([open, high, low, volume], [undefined, undefined, undefined, undefined]);
    return;
  }
  const prices = new Set(passed.map(({ price }) => price));
  for (const price of [open, high, low]) assert.ok(prices.has(price), price);
  assert.ok(units(low) <= units(open) && units(open) <= units(high));
  const sum = passed.reduce((total, { size }) => total + units(size), 0n);
  assert.ok(unseen === 0 ? units(volume) === sum : units(volume) <= sum);
}

test('what a thread of the server missed is told as unseen', async (t) => {
  const all = [];
  for (let i = 0; i < 20000; i++) {
    const price = (61000 + ((i * 7919) % 1000) / 8).toFixed(8), size = ((i % 977) / 1000).toFixed(8);
    all.push(trade('BTC-USD', T0 + i, { price, size }));
  }
  const server = await startServer(t, [
    '--feed', recording(t, all), '--speed', 'max', '--loop', '--bus-events', '64', '--start-paused',
  ]);
  const client = await server.client('?symbols=BTC-USD&ohlc=true');
  await server.replay({ action: 'resume' });
  let epoch = [];
  await client.until((message) => {
    if (message.type === 'reset') epoch = [];
    const items = itemsOf([message], 'update');
    epoch.push(...items);
    checkSequence(epoch.slice(-items.length - 1));
    for (const item of items) checkUnseen(item, all);
    return items.some(({ unseen }) => unseen > 0);
  });
});

test('an item tells what the trades it skipped come to, in every encoding', async (t) => {
  const count = 4000, all = [];
  for (let i = 0; i < count; i++) {
    const price = (61000 + ((i * 7919) % 1000) / 8).toFixed(8), size = ((i % 977) / 1000).toFixed(8);
    all.push(trade('BTC-USD', T0 + i, { price, size }));
  }
  const server = await startServer(t, ['--feed', recording(t, all), '--speed', 'max', '--start-paused']);
  const query = '?symbols=BTC-USD&ohlc=true&max_rate=100';
  const clients = [await server.client(query), await server.client(query, binary), await server.client()];
  await clients[2].ask({ op: 'subscribe', symbols: ['*'], ohlc: true }, 'subscribed');
  const plain = await server.client('?symbols=BTC-USD&max_rate=100');
  await server.replay({ action: 'resume' });
  const seen = await Promise.all([...clients, plain].map(async (client) => {
    const items = [];
    await client.until((message) => {
      items.push(...itemsOf([message], 'update'));
      return items.at(-1)?.seq === count;
    });
    checkSequence(items);
    return items;
  }));
  assert.equal(seen[3].find((item) => 'high' in item), undefined, 'who does not ask is not told');
  for (const items of seen.slice(0, 3)) {
    assert.ok(checkOhlc(items, all) > 0, 'something was conflated');
    const told = items.reduce((sum, { size, volume = '0.00000000' }) => sum + units(size) + units(volume), 0n);
    assert.equal(told, all.slice(items[0].seq - 1 - (items[0].skipped ?? 0))
      .reduce((sum, { size }) => sum + units(size), 0n), 'all that was traded');
  }
});

test('an item tells when it passed each stage', async (t) => {
  const server = await startServer(t, ['--feed', 'push:']);
  const clients = [
    await server.client('?symbols=*&clocks=true'),
    await server.client('?symbols=*&clocks=true&mode=every&max_rate=50'),
    await server.client('?symbols=*&clocks=true', binary),
  ];
  const ts = Date.now() * 1000 - 5000;
  const before = Date.now() * 1000 - 1000, slack = 10000; // one clock may be set while we look
  const body = JSON.stringify({ kind: 'trade', symbol: 'A', source: 'me', ts, price: '1.5' });
  assert.equal((await fetch(`${server.url}/api/v1/publish`, { method: 'POST', body })).status, 200);
  for (const client of clients) {
    const [item] = itemsOf(await client.until(({ type }) => type === 'update'), 'update');
    const { ingest, bus, write } = item.clocks;
    assert.equal(item.ts, ts);
    assert.equal(ingest, item.recv);
    assert.ok(before <= ingest && ingest <= bus + slack && bus <= write, JSON.stringify(item.clocks));
    assert.ok(write <= Date.now() * 1000 + slack);
  }
});

test('a replayed item was ingested at no time of ours', async (t) => {
  const server = await startServer(t, ['--feed', recording(t, mixedLines(10)), '--speed', 'max']);
  await server.untilReplay('ended');
  const client = await server.client('?symbols=*&clocks=true');
  const items = itemsOf(await client.until(({ type }) => type === 'snapshot'), 'snapshot');
  assert.ok(items.length > 0);
  for (const { clocks } of items) assert.deepEqual(Object.keys(clocks), ['bus', 'write']);
});

// ---- Last-Event-ID ----

const publish = async (server, symbol, count) => {
  const item = { kind: 'trade', symbol, source: 'me', price: '1.50' };
  const body = Array.from({ length: count }, () => JSON.stringify(item)).join('\n');
  const answer = await fetch(`${server.url}/api/v1/publish`, { method: 'POST', body });
  assert.equal((await answer.json()).accepted, count);
};
const comeBack = async (server, query, id) => {
  const stream = await eventStream(server, query, { 'Last-Event-ID': id });
  const read = await stream.until(({ type }) => type === 'resumed');
  return { stream, read, resumed: read.at(-1), items: itemsOf(read, 'update') };
};

for (const mode of ['latest', 'every'])
  test(`${mode}: an event stream goes on after the last id, without a hole or a repeat`, async (t) => {
    const server = await startServer(t, ['--feed', 'push:', '--shards', '2']);
    const query = `?symbols=*&mode=${mode}`;
    await publish(server, 'A', 3);
    await publish(server, 'B', 2);
    let stream = await eventStream(server, query);
    const all = itemsOf(await stream.until(({ type }) => type === 'snapshot'));
    for (let i = 0; i < 5; i++) {
      const id = stream.lastId;
      stream.answer.destroy();
      await publish(server, 'B', 3 + i);
      await publish(server, i % 2 ? 'A' : `NEW${i}`, 2); // one that nobody knew before, too
      const back = await comeBack(server, query, id);
      assert.ok(back.read.every(({ type }) => type !== 'snapshot'));
      assert.deepEqual(back.resumed, { type: 'resumed', recovered: 5 + i, lost: 0 });
      assert.equal(back.items.length, 5 + i);
      stream = back.stream;
      all.push(...back.items);
      await publish(server, 'A', 1);
      all.push(...itemsOf(await stream.until(({ type }) => type === 'update'), 'update'));
    }
    checkSequence(all);
    assert.equal(all.reduce((sum, { skipped = 0 }) => sum + skipped, 0), 0);
    const streams = new Map(all.map((item) => [item.symbol, item.seq]));
    const { data } = await (await fetch(`${server.url}/api/v1/latest`)).json();
    assert.deepEqual([...streams].sort(), data.map(({ symbol, seq }) => [symbol, seq]).sort());
  });

test('what an event stream missed and nobody holds any more is counted', async (t) => {
  const server = await startServer(t, ['--feed', 'push:', '--resume-events', '4']);
  await publish(server, 'A', 3);
  await publish(server, 'B', 3);
  const first = await eventStream(server, '?symbols=*');
  await first.until(({ type }) => type === 'snapshot');
  await publish(server, 'A', 10);
  await publish(server, 'B', 2);
  const { stream, resumed, items } = await comeBack(server, '?symbols=*', first.lastId);
  // B is whole; of A the place is not known, so it begins anew, and all before counts as lost at most.
  assert.deepEqual(items.map(({ symbol, seq }) => [symbol, seq]), [['B', 4], ['B', 5]]);
  assert.equal(resumed.recovered, 2);
  assert.ok(resumed.lost >= 9 && resumed.lost <= 12, `${resumed.lost}`);
  const [anew] = itemsOf(await stream.until(({ type }) => type === 'snapshot'), 'snapshot');
  assert.deepEqual([anew.symbol, anew.seq], ['A', 13]);
});

test('an id of another epoch begins anew and says so; what is no id is passed over', async (t) => {
  const server = await startServer(t, ['--feed', 'push:']);
  await publish(server, 'A', 3);
  const back = await comeBack(server, '?symbols=*', '0123456789abcdef-5');
  assert.deepEqual(back.resumed, { type: 'resumed', recovered: 0, lost: 2, epoch_changed: true });
  const [snapshot] = itemsOf(await back.stream.until(({ type }) => type === 'snapshot'), 'snapshot');
  assert.equal(snapshot.seq, 3);
  const ahead = await comeBack(server, '?symbols=*', back.stream.lastId.replace(/\d+$/, '99'));
  assert.equal(ahead.resumed.epoch_changed, true);
  for (const id of ['', 'x', '0123456789abcdef', '0123456789abcdef-', '0123456789ABCDEF-5',
    '0123456789abcdef-5x', '0123456789abcdef--5', '0123456789abcdef-5.', '0123456789abcdef-5.x', '9'.repeat(60)]) {
    const stream = await eventStream(server, '?symbols=*', { 'Last-Event-ID': id });
    const read = await stream.until(({ type }) => type === 'snapshot');
    assert.deepEqual(read.map(({ type }) => type), ['hello', 'subscribed', 'snapshot'], id);
    stream.answer.destroy();
  }
});

// Nothing happens on the bus any more when it begins to read: its tick must be set all the same.
test('who was slow gets the last values also when the market has gone quiet', async (t) => {
  const server = await startServer(t, ['--feed', 'push:', '--shards', '1']);
  const clients = [];
  for (const query of ['mode=latest&max_rate=20', 'mode=every&max_rate=20', 'mode=latest'])
    clients.push(await server.client(`?symbols=*&${query}`));
  for (const client of clients) client.socket.pause();
  let seq = 0, waiting = [];
  const body = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({ kind: 'trade', symbol: `S${i}`, source: 'me', price: '61837.63000000' })).join('\n');
  while (waiting.length < clients.length) {
    await fetch(`${server.url}/api/v1/publish`, { method: 'POST', body });
    seq++;
    const { clients: rows } = await (await fetch(`${server.url}/api/v1/clients`)).json();
    waiting = rows.filter(({ pending, blocked_ms: ms }) => pending.events > 0 && ms > 0);
  }
  for (const client of clients) {
    client.socket.resume();
    const newest = new Map();
    await client.until((message) => {
      for (const item of message.data ?? []) newest.set(item.symbol, item.seq);
      return newest.size === 400 && [...newest.values()].every((at) => at === seq);
    });
  }
});
