// The WebSocket protocol as a client meets it. Most tests step a paused replay event by event, so
// that what must have been sent is known: an observer sees the step first, and the answer to a ping
// comes after all that was sent before it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import {
  checkSequence, itemsOf, quote, recording, startServer, streamOf, trade, within,
} from '../support/server.mjs';

const T0 = 1700000000000000;

// A paused server of one shard. step(n) sends n more events and returns when they have been sent.
async function stepped(t, lines, args = []) {
  const server = await startServer(t, [
    '--feed', recording(t, lines), '--start-paused', '--shards', '1', ...args,
  ]);
  const observer = await server.client('?symbols=*&mode=every');
  server.step = async (count) => {
    const { status } = await server.replay({ action: 'step', count });
    assert.equal(status, 200);
    let seen = 0;
    await observer.until((message) => {
      seen += message.data?.length ?? 0;
      return seen >= count;
    });
  };
  return server;
}

/** Whether it is the wall clock in µs, however long it was on the way. */
const isNow = (us) => Math.abs(us / 1000 - Date.now()) < 3600000;
const prices = (items) => items.map(({ symbol, price }) => `${symbol} ${price}`);

// ---- the conversation ----

test('the server introduces itself', async (t) => {
  const server = await stepped(t, [trade('A', T0)], ['--heartbeat-ms', '1234']);
  const { hello } = await server.client();
  assert.equal(hello.protocol, 'pricecast.v1');
  assert.match(hello.server, /^pricecast\/\d+\.\d+\.\d+$/);
  assert.match(hello.epoch, /^[0-9a-f]{16}$/);
  assert.equal(hello.mode, 'replay');
  assert.equal(hello.heartbeat_ms, 1234);
});

test('an acknowledgement tells what is there, what may come and what is refused', async (t) => {
  const server = await stepped(t, [trade('BTC-USD', T0), trade('ETH-USD', T0 + 1)]);
  await server.step(2);
  const client = await server.client();
  const long = 'x'.repeat(129);
  const ack = await client.ask(
    { op: 'subscribe', id: 7, symbols: ['BTC-USD', 'ETH-*', 'NEW-*', 'NEW', '', long, 'a\nb'] },
    'subscribed',
  );
  assert.deepEqual(ack, {
    type: 'subscribed',
    id: 7,
    symbols: ['BTC-USD', 'ETH-*'],
    pending: ['NEW-*', 'NEW'],
    rejected: [
      { symbol: '', code: 'bad_request' },
      { symbol: long.slice(0, 128), code: 'bad_request' },
      { symbol: 'a\nb', code: 'bad_request' },
    ],
    total: 2,
  });
});

test('a symbol that is not there yet is delivered from its first event', async (t) => {
  const server = await stepped(t, [trade('A', T0), trade('NEW', T0 + 1), quote('NEW2', T0 + 2)]);
  await server.step(1);
  const client = await server.client();
  const ack = await client.ask({ op: 'subscribe', symbols: ['NEW', 'N*2'] }, 'subscribed');
  assert.deepEqual([ack.symbols, ack.pending, ack.total], [[], ['NEW', 'N*2'], 0]);
  assert.deepEqual((await client.next('snapshot')).data, []);
  await server.step(2);
  const items = itemsOf(await client.drain(), 'update');
  assert.deepEqual(items.map((item) => [streamOf(item), item.seq]),
    [['trade x NEW', 1], ['quote x NEW2', 1]]);
});

test('names, patterns and * choose streams, each delivered once', async (t) => {
  const symbols = ['BTC-USD', 'ETH-USD', 'ETH-EUR', 'btc-usd', 'BTC-USDT'];
  const lines = symbols.map((symbol, i) => trade(symbol, T0 + i));
  const server = await stepped(t, lines);
  const cases = {
    'BTC-USD': ['BTC-USD'],
    'ETH-*': ['ETH-USD', 'ETH-EUR'],
    '*-USD': ['BTC-USD', 'ETH-USD'],
    '*T*-*U*': ['BTC-USD', 'ETH-USD', 'ETH-EUR', 'BTC-USDT'],
    'BTC-USD*': ['BTC-USD', 'BTC-USDT'],
    '*': symbols,
    '*,*-USD,BTC-USD': symbols,
    'ETH': [],
  };
  const clients = [];
  for (const query of Object.keys(cases)) clients.push(await server.client(`?symbols=${query}`));
  await server.step(symbols.length);
  for (const [i, [query, expected]] of Object.entries(cases).entries()) {
    const items = itemsOf(await clients[i].drain(), 'update');
    assert.deepEqual(items.map(({ symbol }) => symbol).sort(), [...expected].sort(), query);
  }
});

test('kinds limit what comes', async (t) => {
  const server = await stepped(t, [trade('A', T0), quote('A', T0 + 1)]);
  const clients = {};
  for (const kinds of [['trade'], ['quote'], ['trade', 'quote']]) {
    clients[kinds] = await server.client();
    await clients[kinds].ask({ op: 'subscribe', symbols: ['A'], kinds }, 'subscribed');
  }
  await server.step(2);
  for (const [kinds, client] of Object.entries(clients))
    assert.equal(String(itemsOf(await client.drain()).map(({ kind }) => kind)), kinds);
});

test('a snapshot holds the latest of every stream; without one the next event is the first', async (t) => {
  const lines = [1, 2, 3, 4].map((n) => trade('A', T0 + n, { price: `${n}` }));
  const server = await stepped(t, [quote('A', T0), ...lines]);
  await server.step(3);
  const [with_, without] = [await server.client(), await server.client()];
  await with_.ask({ op: 'subscribe', symbols: ['A'], snapshot: true }, 'subscribed');
  await without.ask({ op: 'subscribe', symbols: ['A'], snapshot: false }, 'subscribed');
  const snapshot = await with_.next('snapshot');
  assert.deepEqual(snapshot.data.map((item) => [streamOf(item), item.seq]).sort(),
    [['quote x A', 1], ['trade x A', 2]]);
  assert.deepEqual(snapshot.data.find(({ kind }) => kind === 'trade'), {
    kind: 'trade', symbol: 'A', source: 'x', seq: 2, ts: T0 - 5, recv: T0 + 2,
    price: '2', size: '2', side: 'buy',
  });
  await server.step(2);
  for (const client of [with_, without]) {
    const read = await client.drain();
    assert.deepEqual([...new Set(read.map(({ type }) => type))], ['update']);
    assert.deepEqual(prices(itemsOf(read)).at(-1), 'A 4');
    checkSequence([...snapshot.data, ...itemsOf(read)]);
  }
});

test('what the source did not give is left out', async (t) => {
  const server = await stepped(t, [
    '{"kind":"trade","symbol":"A","source":"x","recv":1700000000000000,"price":"1"}',
    '{"kind":"quote","symbol":"A","source":"x","recv":1700000000000001,"ask":"2"}',
  ]);
  await server.step(2);
  const client = await server.client('?symbols=A');
  const items = itemsOf(await client.drain());
  assert.deepEqual(items.sort((a, b) => a.recv - b.recv), [
    { kind: 'trade', symbol: 'A', source: 'x', seq: 1, recv: T0, price: '1' },
    { kind: 'quote', symbol: 'A', source: 'x', seq: 1, recv: T0 + 1, ask: '2' },
  ]);
});

test('unsubscribing ends the updates, and list tells what is left', async (t) => {
  const lines = [1, 2].flatMap((n) => ['A', 'B', 'C1'].map((symbol) => trade(symbol, T0 + n)));
  const server = await stepped(t, lines);
  await server.step(3);
  const client = await server.client('?symbols=A,B,C*,LATER');
  await client.next('subscribed');
  await client.next('snapshot');
  const sorted = ({ symbols }) => [...symbols].sort();
  assert.deepEqual(sorted(await client.ask({ op: 'list', id: 9 }, 'subscriptions')),
    ['A', 'B', 'C*', 'LATER']);
  const left = await client.ask({ op: 'unsubscribe', id: 8, symbols: ['A', 'C*'] }, 'unsubscribed');
  assert.deepEqual(left, {
    type: 'unsubscribed', id: 8, symbols: ['A', 'C*'], rejected: [], total: 1,
  });
  const list = await client.ask({ op: 'list', id: 'q' }, 'subscriptions');
  assert.equal(list.id, 'q');
  assert.deepEqual(sorted(list), ['B', 'LATER']);
  await server.step(3);
  assert.deepEqual(itemsOf(await client.drain()).map(({ symbol }) => symbol), ['B']);
  await client.ask({ op: 'unsubscribe', symbols: ['B', 'LATER', 'NEVER'] }, 'unsubscribed');
  assert.deepEqual((await client.ask({ op: 'list' }, 'subscriptions')).symbols, []);
});

test('subscribing again changes how, without a second snapshot or a repeat', async (t) => {
  const lines = [1, 2, 3].map((n) => trade('A', T0 + n, { price: `${n}` }));
  const server = await stepped(t, lines);
  await server.step(1);
  const client = await server.client('?symbols=A');
  assert.equal(itemsOf(await client.drain(), 'snapshot').length, 1);
  await client.ask({ op: 'subscribe', symbols: ['A'], mode: 'every' }, 'subscribed');
  assert.deepEqual((await client.next('snapshot')).data, []);
  await server.step(2);
  assert.deepEqual(prices(itemsOf(await client.drain())), ['A 2', 'A 3']);
});

// At this rate a frame is due every thousand seconds: one may be, by chance, while the test runs.
test('max_rate holds frames back until they are due', async (t) => {
  const lines = Array.from({ length: 30 }, (_, i) => trade('A', T0 + i, { price: `${i}` }));
  for (const mode of ['latest', 'every']) {
    const server = await stepped(t, lines);
    const slow = await server.client(`?symbols=*&mode=${mode}&max_rate=0.001`);
    const fast = await server.client(`?symbols=*&mode=${mode}&max_rate=1000`);
    let updates = 0;
    for (let i = 0; i < lines.length; i++) {
      await server.step(1);
      await fast.until(({ data }) => data?.at(-1)?.price === `${i}`);
      const read = await slow.drain();
      updates += read.filter(({ type }) => type === 'update').length;
    }
    assert.ok(updates <= 1, `${updates} updates`);
  }
});

test('ping is answered with its id and the time', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  const client = await server.client();
  for (const id of [3, -1, 0, Number.MAX_SAFE_INTEGER, 'text', '', 'q"\\ü', 'x'.repeat(64)]) {
    const pong = await client.ask({ op: 'ping', id }, 'pong');
    assert.equal(pong.id, id);
    assert.ok(isNow(pong.ts), pong.ts);
  }
  assert.ok(!('id' in (await client.ask({ op: 'ping' }, 'pong'))));
});

test('WebSocket pings are answered too', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  const client = await server.client();
  client.socket.ping('payload');
  const [payload] = await within(once(client.socket, 'pong'), 'a pong');
  assert.equal(String(payload), 'payload');
});

test('fields nobody knows are ignored', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  await server.step(1);
  const client = await server.client();
  await client.ask({ op: 'subscribe', symbols: ['A'], future: { deep: [1] }, Mode: 'x' }, 'subscribed');
  assert.equal((await client.next('snapshot')).data.length, 1);
  const other = await server.client('?symbols=A&future=1&flag');
  await other.next('subscribed');
  assert.equal((await other.next('snapshot')).data.length, 1);
});

test('the subprotocol is spoken and echoed', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  const asked = {
    'pricecast.v1.json': ['pricecast.v1.json'], 'pricecast.v1.bin': ['pricecast.v1.bin'], '': [],
  };
  for (const [protocol, protocols] of Object.entries(asked)) {
    const client = await server.client('', { protocols });
    assert.equal(client.socket.protocol, protocol);
  }
  const several = await server.client('', { protocols: ['other', 'pricecast.v1.json'] });
  assert.equal(several.socket.protocol, 'pricecast.v1.json');
  const both = ['pricecast.v1.bin', 'pricecast.v1.json'];
  for (const protocols of [both, [...both].reverse()])
    assert.equal((await server.client('', { protocols })).socket.protocol, protocols[0]);
});

test('an extension that is offered is not used', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  const client = await server.client('', { perMessageDeflate: true });
  assert.equal(client.socket.extensions, '');
});

// ---- subscriptions in the URL ----

test('the URL can subscribe', async (t) => {
  const names = ['XBT/USD', 'a b+c', 'ü€'];
  const lines = names.flatMap((name, i) => [trade(name, T0 + i), quote(name, T0 + 10 + i)]);
  const server = await stepped(t, lines);
  await server.step(6);
  const list = names.map(encodeURIComponent).join(',');
  const client = await server.client(`?symbols=${list},LATER&kinds=trade&mode=every&max_rate=50`);
  const ack = await client.next('subscribed');
  assert.deepEqual([ack.symbols, ack.pending], [names, ['LATER']]);
  assert.ok(!('id' in ack));
  const { data } = await client.next('snapshot');
  assert.deepEqual(data.map(streamOf).sort(), names.map((name) => `trade x ${name}`).sort());
  const without = await server.client('?snapshot=false&symbols=*');
  assert.deepEqual((await without.drain()).map(({ type }) => type), ['subscribed']);
});

test('a mistake in the URL is told, and the connection stays', async (t) => {
  const server = await stepped(t, [trade('A', T0)]);
  const bad = [
    'symbols=', 'symbols=A&mode=some', 'symbols=A&kinds=book', 'symbols=A&kinds=',
    'symbols=A&max_rate=0', 'symbols=A&max_rate=x', 'symbols=A&snapshot=1', 'symbols=%ff',
  ];
  for (const query of bad) {
    const client = await server.client(`?${query}`);
    const read = await client.drain();
    const codes = read.filter(({ type }) => type === 'error').map(({ code }) => code);
    assert.deepEqual(codes, ['bad_request'], query);
    assert.ok(!read.some(({ type }) => type === 'subscribed'), query);
  }
});

// ---- feeds and epochs ----

test('a heartbeat comes only when nothing else was sent', async (t) => {
  const server = await startServer(t, [
    '--feed', 'sim:?symbols=2&rate=10&bursts=1', '--heartbeat-ms', '400',
  ]);
  const [idle, busy] = [await server.client(), await server.client('?symbols=*&mode=every')];
  let last;
  for (let beats = 0; beats < 4;) {
    const message = await idle.receive('a heartbeat');
    if (message.type !== 'heartbeat') continue;
    assert.deepEqual(Object.keys(message).sort(), ['ts', 'type']);
    if (last) assert.ok(message.ts - last >= 200000, `${message.ts - last} µs between two`);
    last = message.ts;
    beats++;
  }
  // Events are stamped when they happen, so the gap can be told whatever delays the messages.
  let sent;
  for (const message of busy.messages) {
    if (message.data?.length > 0) sent = message.data.at(-1).ts;
    if (message.type === 'heartbeat' && sent)
      assert.ok(message.ts - sent >= 200000, `${message.ts - sent} µs after an update`);
  }
  assert.ok(busy.messages.some(({ type }) => type === 'update'));
});

test('the more are connected, the rarer a new one hears a heartbeat, and it is told', async (t) => {
  const server = await startServer(t, [
    '--feed', 'push:', '--heartbeat-ms', '300', '--heartbeat-clients', '2',
  ]);
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await server.client());
  assert.deepEqual(clients.map(({ hello }) => hello.heartbeat_ms), [300, 300, 600, 600, 900]);
  const last = clients.at(-1);
  const [first, second] = [await last.next('heartbeat'), await last.next('heartbeat')];
  assert.ok(second.ts - first.ts >= 450_000, `${second.ts - first.ts} µs between two`);
  const { json } = await server.http('/api/v1/clients');
  assert.deepEqual(json.clients.map((client) => client.heartbeat_ms).sort(), [300, 300, 600, 600, 900]);
  const metrics = (await server.http('/metrics')).body;
  assert.ok(Number(/^pricecast_heartbeats_total (\d+)$/m.exec(metrics)[1]) >= 2);
});

test('feeds are paused, resumed and end', async (t) => {
  const server = await stepped(t, [trade('A', T0), trade('A', T0 + 1)]);
  await server.step(1);
  const client = await server.client();
  const paused = await client.next('feed');
  assert.deepEqual({ ...paused, ts: 0 }, { type: 'feed', source: 'x', state: 'paused', ts: 0 });
  assert.ok(isNow(paused.ts), paused.ts);
  assert.equal((await server.http('/api/v1/replay')).json.state, 'paused');
  assert.equal((await server.replay({ action: 'resume' })).status, 200);
  const states = (await client.untilEnded()).map(({ state }) => state);
  assert.deepEqual(states, ['up', 'ended']);
  assert.equal((await server.http('/api/v1/replay')).json.state, 'ended');
  const late = await server.client();
  assert.equal((await late.next('feed')).state, 'ended');
});

test('a loop begins a new epoch, told by a reset', async (t) => {
  const lines = [1, 2, 3].map((n) => trade('A', T0 + n * 20000, { price: `${n}` }));
  const server = await startServer(t, [
    '--feed', recording(t, lines), '--loop', '--wait-clients', '1',
  ]);
  const client = await server.client('?symbols=A&mode=every');
  const epochs = [client.hello.epoch];
  let items = [];
  while (epochs.length < 4) {
    const message = await client.next();
    items.push(...(message.data ?? []));
    if (message.type !== 'reset') continue;
    assert.equal(message.reason, 'loop');
    assert.ok(!epochs.includes(message.epoch));
    epochs.push(message.epoch);
    assert.deepEqual(items.map(({ seq, price }) => [seq, price]), [[1, '1'], [2, '2'], [3, '3']]);
    assert.ok(items.every((item) => !('skipped' in item)));
    items = [];
  }
});

test('after a reset the snapshot is of the new epoch only', async (t) => {
  const server = await stepped(t, [trade('A', T0), trade('B', T0 + 1)], ['--loop']);
  await server.step(3);
  const client = await server.client('?symbols=*');
  const snapshot = itemsOf(await client.drain(), 'snapshot');
  assert.deepEqual(snapshot.map(({ symbol, seq }) => [symbol, seq]), [['A', 1]]);
});

// ---- what a busy market looks like ----

describe('on a busy market', () => {
  let server;
  before(async () => {
    // With room for minutes: what these tests see is what they asked for, not a machine that is busy.
    server = await startServer(undefined, [
      '--feed', 'sim:?symbols=20&rate=5000&bursts=2', '--max-queue-bytes', '100000000',
      '--bus-events', '1048576',
    ]);
  });
  after(() => server.finish());

  const itemsUpTo = async (client, count) => {
    let seen = 0;
    const read = await client.until((message) => (seen += message.data?.length ?? 0) >= count);
    return read;
  };

  test('a simulated market says so', async () => {
    assert.equal((await server.client()).hello.mode, 'sim');
  });

  test('updates follow the snapshot without a hole or a repeat', async () => {
    for (let i = 0; i < 10; i++) {
      const client = await server.client('?symbols=*&mode=every');
      const items = itemsOf(await itemsUpTo(client, 400));
      checkSequence(items);
      assert.ok(items.every((item) => !('skipped' in item)));
    }
  });

  test('mode latest counts what it passes over', async () => {
    const client = await server.client('?symbols=*&max_rate=20');
    const items = itemsOf(await itemsUpTo(client, 400));
    checkSequence(items);
    assert.ok(items.some(({ skipped }) => skipped > 0));
  });

  test('mode every with a rate passes over nothing', async () => {
    const client = await server.client('?symbols=*&mode=every&max_rate=10');
    const read = await itemsUpTo(client, 2000);
    const items = itemsOf(read);
    checkSequence(items);
    assert.ok(items.every((item) => !('skipped' in item)));
    const frames = read.filter(({ type }) => type === 'update');
    assert.ok(frames.length < items.length / 20, `${frames.length} frames`);
  });

  test('two deliveries in one session do not mix', async () => {
    const client = await server.client();
    const { json } = await server.http('/api/v1/symbols');
    const [slow, fast] = json.symbols.map(({ symbol }) => symbol);
    await client.ask({ op: 'subscribe', symbols: [slow], max_rate: 5 }, 'subscribed');
    await client.ask({ op: 'subscribe', symbols: [fast], mode: 'every' }, 'subscribed');
    const items = [];
    const counts = { [slow]: 0, [fast]: 0 };
    let skipped = 0;
    while (counts[slow] < 4 || counts[fast] < 50 || skipped === 0) {
      for (const item of (await client.next()).data ?? []) {
        items.push(item);
        counts[item.symbol]++;
        skipped += item.skipped ?? 0;
        if (item.symbol === fast) assert.ok(!('skipped' in item));
      }
    }
    checkSequence(items);
  });

  test('changing a subscription again and again loses and repeats nothing', async () => {
    const client = await server.client('?symbols=*&mode=every&snapshot=false');
    let items = []; // of a slow machine, too many to be arguments
    const modes = ['every', 'latest'];
    for (let i = 0; i < 40; i++) {
      client.send({
        op: 'subscribe', symbols: i % 3 ? ['*'] : ['A*', 'B*'], mode: modes[i % 2],
        ...(i % 5 ? {} : { max_rate: 50 }),
      });
      items = items.concat(itemsOf(await client.until(({ type }) => type === 'subscribed')));
      items = items.concat(itemsOf(await itemsUpTo(client, 20)));
    }
    checkSequence(items);
  });
});

// ---- mistakes ----

describe('mistakes', () => {
  let server;
  before(async () => {
    server = await startServer(undefined, ['--feed', 'sim:?symbols=2&rate=1']);
  });
  after(() => server.finish());

  // Sends and returns the code of the answer; the connection must be of use afterwards.
  const refused = async (client, message, id) => {
    const error = await client.ask(message, 'error');
    assert.equal(typeof error.message, 'string');
    assert.equal(error.id, id);
    await client.ask({ op: 'ping' }, 'pong');
    return error.code;
  };

  test('text that is not one JSON object or array is bad_json', async () => {
    const client = await server.client();
    const deep = '['.repeat(17) + ']'.repeat(17);
    const bad = [
      'x', '', ' ', 'null', '1', '"ping"', '{', '{"op":"ping"', '{"op":"ping"}x', '{"op":"ping"} {"op":"ping"}',
      '{"op":"ping","op":"list"}', '{"op":NaN}', "{'op':'ping'}", '\ufeff{"op":"ping"}',
      '{"op":"ping","id":1e999}', '{"op":"ping","id":99999999999999999999}', '{"op":"\\u0000"}',
      '{"op":"\\ud800"}', `{"op":"ping","x":${deep}}`, '['.repeat(60000),
    ];
    for (const text of bad) assert.equal(await refused(client, text), 'bad_json', text.slice(0, 60));
    const allowed = '['.repeat(15) + ']'.repeat(15);
    await client.ask(`{"op":"ping","x":${allowed}}`, 'pong');
    await client.ask(' {"op":"ping","text":"[[[[[[[[[[[[[[[[[[[[\\"[[["}\r\n', 'pong');
  });

  test('JSON that means nothing is bad_request', async () => {
    const client = await server.client();
    const subscribe = (fields) => ({ op: 'subscribe', symbols: ['A'], ...fields });
    const bad = [
      [], [{ op: 'ping' }], {}, { op: 1 }, { op: null }, { op: ['ping'] },
      { op: 'subscribe' }, subscribe({ symbols: 'A' }), subscribe({ symbols: [] }),
      subscribe({ symbols: ['A', 1] }), subscribe({ symbols: [['A']] }),
      subscribe({ mode: 'all' }), subscribe({ mode: 1 }), subscribe({ mode: null }),
      subscribe({ kinds: [] }), subscribe({ kinds: 'trade' }), subscribe({ kinds: ['book'] }),
      subscribe({ max_rate: 0 }), subscribe({ max_rate: -1 }), subscribe({ max_rate: 1e9 }),
      subscribe({ max_rate: '10' }), subscribe({ max_rate: null }), subscribe({ snapshot: 1 }),
      subscribe({ ohlc: 1 }), subscribe({ ohlc: 'true' }), subscribe({ clocks: null }),
      { op: 'unsubscribe' }, { op: 'unsubscribe', symbols: {} },
      { op: 'ping', id: 1.5 }, { op: 'ping', id: {} }, { op: 'ping', id: true },
      { op: 'ping', id: 'x'.repeat(65) },
    ];
    for (const message of bad)
      assert.equal(await refused(client, message), 'bad_request', JSON.stringify(message));
    assert.deepEqual((await client.ask({ op: 'list' }, 'subscriptions')).symbols, []);
  });

  test('an error names the message it answers', async () => {
    const client = await server.client();
    assert.equal(await refused(client, { op: 'fly', id: 7 }, 7), 'unknown_op');
    assert.equal(await refused(client, { op: 'Subscribe', id: 'a"b' }, 'a"b'), 'unknown_op');
    assert.equal(await refused(client, { op: '', id: 0 }, 0), 'unknown_op');
    assert.equal(await refused(client, { op: 'subscribe', id: 8 }, 8), 'bad_request');
  });

  test('messages of up to 64 KiB are read, longer ones refused, and those past 1 MiB end it', async () => {
    const padded = (size) => {
      const bare = '{"op":"ping","pad":""}';
      return bare.replace('""', `"${'x'.repeat(size - bare.length)}"`);
    };
    const client = await server.client();
    await client.ask(padded(65536), 'pong');
    assert.equal(await refused(client, padded(65537)), 'too_large');
    assert.equal(await refused(client, padded(1 << 20)), 'too_large');
    await client.ask(padded(65536), 'pong');
    client.send(padded((1 << 20) + 1));
    assert.equal((await client.untilClosed()).code, 1009);
  });

  test('a session holds symbols of 256 KiB, so that a list of them is one message', async () => {
    const client = await server.client();
    const symbol = (i) => `${i}`.padEnd(128, '"');
    let refused;
    for (let i = 0; refused === undefined; i += 200) {
      const symbols = Array.from({ length: 200 }, (_, k) => symbol(i + k));
      client.send({ op: 'subscribe', id: i, symbols, snapshot: false });
      const read = await client.until(({ type }) => type === 'subscribed' || type === 'error');
      if (read.at(-1).type === 'error') refused = read.at(-1);
      assert.ok(i < 10000, 'nothing was refused');
    }
    assert.equal(refused.code, 'limit_exceeded');
    const list = await client.ask({ op: 'list', id: 1 }, 'subscriptions');
    assert.equal(list.symbols.length, refused.id);
    client.socket.terminate();
  });

  test('a session holds ten thousand symbols and sixteen deliveries', async () => {
    const client = await server.client();
    const names = (from, count) => Array.from({ length: count }, (_, i) => `${from + i}`);
    const subscribe = (symbols, fields) => ({ op: 'subscribe', id: 1, symbols, ...fields });
    assert.equal(await refused(client, subscribe(Array(10001).fill('1')), 1), 'limit_exceeded');
    await client.ask(subscribe(Array(10000).fill('1')), 'subscribed');
    await client.ask(subscribe(names(10000, 5000)), 'subscribed');
    assert.equal(await refused(client, subscribe(names(20000, 5000)), 1), 'limit_exceeded');
    await client.ask(subscribe(names(20000, 4999)), 'subscribed');
    assert.equal((await client.ask({ op: 'list' }, 'subscriptions')).symbols.length, 10000);

    const other = await server.client();
    for (let rate = 1; rate <= 16; rate++)
      await other.ask(subscribe([`S${rate}`], { max_rate: rate }), 'subscribed');
    assert.equal(await refused(other, subscribe(['S17'], { max_rate: 17 }), 1), 'limit_exceeded');
    assert.equal((await other.ask({ op: 'list' }, 'subscriptions')).symbols.length, 16);
  });

  test('what a session may hold is told by options', async (t) => {
    const strict = await stepped(t, [], ['--max-message-bytes', '1024', '--max-symbols', '3', '--max-patterns', '1']);
    const client = await strict.client();
    const subscribe = (...symbols) => ({ op: 'subscribe', id: 1, symbols, snapshot: false });
    const error = async (message) => {
      client.send(message);
      return (await client.until(({ type }) => type === 'error')).at(-1).message;
    };
    await client.ask(subscribe('A', 'B-*'), 'subscribed');
    assert.equal(await error(subscribe('C-*')), 'at most 1 patterns a session');
    assert.equal(await error(subscribe('C', 'D')), 'at most 3 symbols of together 262144 bytes a session');
    assert.equal(await error(subscribe('C'.repeat(1024))), 'a message has at most 1024 bytes');
    await client.ask(subscribe('C'), 'subscribed');
  });

  test('nine bad messages in a row are forgiven, ten are not', async () => {
    const client = await server.client();
    const kinds = ['{', '{"op":"fly"}', '{}', 'x'.repeat(70000), Buffer.from('{"op":"ping"}')];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 9; i++) client.send(kinds[i % kinds.length]);
      const read = await client.drain(); // whose ping is good: the count begins anew
      assert.equal(read.filter(({ type }) => type === 'error').length, 9);
    }
    for (let i = 0; i < 12; i++) client.send(kinds[i % kinds.length]);
    assert.equal((await client.untilClosed()).code, 1008);
    assert.equal(client.messages.filter(({ type }) => type === 'error').length, 10);
  });

  test('a binary frame is refused', async () => {
    const client = await server.client();
    assert.equal(await refused(client, Buffer.from('{"op":"ping"}')), 'bad_request');
    assert.equal(await refused(client, Buffer.alloc(0)), 'bad_request');
  });

  test('a message in fragments is one message', async () => {
    const client = await server.client();
    const text = '{"op":"ping","id":5}';
    for (let i = 0; i < text.length - 1; i++)
      client.socket.send(text[i], { fin: false });
    client.socket.ping();
    client.socket.send(text.at(-1), { fin: true });
    assert.equal((await client.next('pong')).id, 5);
  });

  test('text that is not UTF-8 ends the connection with 1007', async () => {
    const bad = ['ff', 'c080', 'eda080', 'f4908080', '7b226f70223a22c3', 'e282'];
    for (const hex of bad) {
      const client = await server.client();
      client.socket.send(Buffer.from(hex, 'hex'), { binary: false });
      assert.equal((await client.untilClosed()).code, 1007, hex);
    }
    const client = await server.client(); // a character cut by fragments is none
    client.socket.send(Buffer.from('7b226f70223a2270696e67222c226964223a22e282', 'hex'),
      { binary: false, fin: false });
    client.socket.send(Buffer.from('ac227d', 'hex'), { binary: false, fin: true });
    assert.equal((await client.next('pong')).id, '€');
  });
});

// ---- names and numbers, through the whole path ----

const hostile = [
  'quo"te', 'back\\slash', '\\"', "it's", '<img src=x onerror=alert(1)>', '</script>', '{{7*7}}',
  '\u202Egnp.exe', '\u2028line', 'a b', '%41', '%00', '&amp;', '?x=1', '#', '../../etc/passwd',
  '$(id)', ';', 'ü€😀', '__proto__', 'x'.repeat(128), '€'.repeat(42),
];

test('names come through as they are', async (t) => {
  const lines = hostile.map((symbol, i) => trade(symbol, T0 + i, { source: `src ${symbol}`.slice(0, 40) }));
  const server = await stepped(t, [...lines, ...lines]);
  await server.step(hostile.length);
  const client = await server.client();
  const ack = await client.ask({ op: 'subscribe', symbols: hostile }, 'subscribed');
  assert.deepEqual(ack.symbols, hostile);
  assert.deepEqual(ack.rejected, []);
  const bySymbol = (items) => items.map(({ symbol }) => symbol).sort();
  assert.deepEqual(bySymbol(itemsOf([await client.next('snapshot')])), [...hostile].sort());
  await server.step(hostile.length);
  const updates = itemsOf(await client.drain(), 'update');
  assert.deepEqual(bySymbol(updates), [...hostile].sort());
  for (const { symbol, source } of updates) assert.equal(source, `src ${symbol}`.slice(0, 40));
  const list = await client.ask({ op: 'list' }, 'subscriptions');
  assert.deepEqual([...list.symbols].sort(), [...hostile].sort());
  const { json } = await server.http('/api/v1/symbols');
  assert.deepEqual(bySymbol(json.symbols), [...hostile].sort());
  for (const symbol of hostile) {
    const path = `/api/v1/latest?symbols=${encodeURIComponent(symbol)}`;
    const { json: latest } = await server.http(path);
    assert.deepEqual(bySymbol(latest.data), [symbol], path);
  }
});

test('numbers come through digit for digit', async (t) => {
  const texts = [
    '61837.63000000', '0.000027850', '1300.34', '0', '0.0', '0.00000000', '-37.63', '-0.00',
    '9223372036854775807', '1234567890123456789', '0.1234567890123456789', '-9999999999999999999',
    '12345678.90123456789', '100', '1000000.10', '0.000000000000000001',
  ];
  const quoted = texts.map((price, i) => trade(`Q${i}`, T0 + i, { price, size: price }));
  const bare = texts.map((price, i) =>
    JSON.stringify(quote(`N${i}`, T0 + 100 + i, { bid: '@', bid_size: '@', ask: '@', ask_size: '@' }))
      .replaceAll('"@"', price));
  const server = await stepped(t, [...quoted, ...bare]);
  const client = await server.client('?symbols=*&mode=every');
  await server.step(2 * texts.length);
  const fields = (items) =>
    items.map(({ price, size, bid, bid_size, ask, ask_size }) =>
      price === undefined ? [bid, bid_size, ask, ask_size] : [price, size]);
  const expected = [
    ...texts.map((text) => [text, text]), ...texts.map((text) => [text, text, text, text]),
  ];
  assert.deepEqual(fields(itemsOf(await client.drain())), expected);
  const { json } = await server.http('/api/v1/latest?symbols=Q*');
  for (const { symbol, price } of json.data) assert.equal(price, texts[symbol.slice(1)]);
});
