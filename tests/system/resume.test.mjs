// Clients that come back: what they missed comes again, once, in order; what cannot is counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkSequence, http, itemsOf, recording, startServer, trade,
} from '../support/server.mjs';

const push = async (server, items) => {
  const body = items.map((item) => JSON.stringify(item)).join('\n');
  const { json } = await http(server, '/api/v1/publish', { method: 'POST', body });
  assert.equal(json.accepted, items.length);
};
const item = (symbol, price) => ({ kind: 'trade', symbol, source: 'me', price: String(price) });
const some = (symbol, count, first = 1) =>
  Array.from({ length: count }, (_, i) => item(symbol, first + i));

const place = (items) =>
  [...checkSequence(items).values()].map(({ source, symbol, kind, seq }) => [source, symbol, kind, seq]);
const resume = (epoch, streams, fields = {}) => ({
  op: 'subscribe', id: 7, symbols: ['*'], resume: { epoch, streams }, ...fields,
});

/** Subscribes, and reads what comes until `resumed`; returns that and the items before it. */
async function comeBack(client, command) {
  client.send(command);
  await client.next('subscribed');
  const read = await client.until(({ type }) => type === 'resumed');
  assert.ok(read.every(({ type }) => type !== 'snapshot'), 'no snapshot in its place');
  return { resumed: read.at(-1), items: itemsOf(read, 'update') };
}

const live = (...args) => ['--feed', 'push:', '--shards', '2', ...args];

for (const mode of ['latest', 'every'])
  for (const protocols of [[], ['pricecast.v1.bin']])
    test(`${mode} ${protocols}: all that was missed comes again, in order, and then what is new`, async (t) => {
      const server = await startServer(t, live());
      await push(server, [...some('A', 3), ...some('B', 2)]);
      const first = await server.client(`?symbols=*`);
      const before = itemsOf(await first.until(({ type }) => type === 'snapshot'));
      const { epoch } = first.hello;
      first.socket.terminate();
      for (let i = 0; i < 50; i++) await push(server, [item('A', 10 + i), item('B', 100 + i), item('B', 0)]);
      const client = await server.client('', { protocols });
      const { resumed, items } = await comeBack(client, resume(epoch, place(before), { mode }));
      assert.deepEqual(resumed, { type: 'resumed', id: 7, recovered: 150, lost: 0 });
      assert.equal(items.length, 150);
      assert.deepEqual(items.slice(0, 4).map(({ symbol, price }) => symbol + price), ['A10', 'B100', 'B0', 'A11']);
      await push(server, [item('A', 1), item('B', 2), item('C', 3)]);
      const after = itemsOf(await client.until(({ data }) => data?.some(({ symbol }) => symbol === 'C')));
      checkSequence([...before, ...items, ...after]);
      assert.equal(after.find(({ symbol }) => symbol === 'A').seq, 54);
    });

test('what has been let go is counted, and the first item after it says so', async (t) => {
  const server = await startServer(t, live('--resume-events', '10'));
  await push(server, some('A', 1));
  const client = await server.client();
  await push(server, some('A', 99, 2));
  const { resumed, items } = await comeBack(client, resume(client.hello.epoch, [['me', 'A', 'trade', 40]]));
  assert.deepEqual([resumed.recovered, resumed.lost], [10, 50]);
  assert.deepEqual(items.map(({ seq }) => seq), [91, 92, 93, 94, 95, 96, 97, 98, 99, 100]);
  assert.equal(items[0].skipped, 50);
  const metrics = (await http(server, '/metrics')).body;
  assert.match(metrics, /^pricecast_resume_left_total\{bound="events"\} 90$/m);
  assert.match(metrics, /^pricecast_resumes_total 1$/m);
  assert.match(metrics, /^pricecast_lost_total 50$/m);
});

for (const protocols of [[], ['pricecast.v1.bin']])
  test(`${protocols}: what comes again tells as much as it would have`, async (t) => {
    const server = await startServer(t, live('--resume-events', '3'));
    await push(server, [...some('A', 10), ...some('B', 3), ...some('C', 3)]);
    const client = await server.client('', { protocols });
    await client.ask({ op: 'subscribe', symbols: ['B'], clocks: true, snapshot: false }, 'subscribed');
    const { items } = await comeBack(client, resume(client.hello.epoch,
      [['me', 'A', 'trade', 2], ['me', 'C', 'trade', 1]], { symbols: ['A', 'C'], ohlc: true, clocks: true }));
    assert.deepEqual(items.map(({ symbol, seq, skipped, unseen }) => [symbol, seq, skipped, unseen]), [
      ['A', 8, 5, 5], ['A', 9, undefined, undefined], ['A', 10, undefined, undefined],
      ['C', 2, undefined, undefined], ['C', 3, undefined, undefined],
    ]);
    const slack = 10000; // one clock may be set while we look
    for (const { recv, high, clocks } of items) {
      assert.equal(high, undefined);
      assert.equal(clocks.ingest, recv);
      assert.ok(recv <= clocks.bus + slack && clocks.bus <= clocks.write + slack, JSON.stringify(clocks));
    }
    // Its other subscription has clocks, this one has none.
    const other = await server.client('', { protocols });
    await other.ask({ op: 'subscribe', symbols: ['C'], clocks: true, snapshot: false }, 'subscribed');
    const read = await comeBack(other, resume(other.hello.epoch,
      [['me', 'A', 'trade', 8], ['me', 'B', 'trade', 2]], { symbols: ['A', 'B'] }));
    assert.deepEqual(read.items.map((seen) => [seen.symbol, seen.seq, 'clocks' in seen]),
      [['A', 9, false], ['A', 10, false], ['B', 3, false]]);
  });

test('nothing kept: the newest comes, the rest is lost', async (t) => {
  const server = await startServer(t, live('--resume-bytes', '0'));
  await push(server, some('A', 20));
  const client = await server.client();
  const { resumed, items } = await comeBack(client, resume(client.hello.epoch, [['me', 'A', 'trade', 5]]));
  assert.deepEqual([resumed.recovered, resumed.lost], [1, 14]);
  assert.deepEqual(items.map(({ seq, skipped }) => [seq, skipped]), [[20, 14]]);
});

test('streams that are not named begin with a snapshot, after what was recovered', async (t) => {
  const server = await startServer(t, live());
  await push(server, [...some('A', 5), ...some('B', 5)]);
  for (const mode of ['latest', 'every']) {
    const client = await server.client();
    const { items } = await comeBack(client, resume(client.hello.epoch, [['me', 'A', 'trade', 3]], { mode }));
    assert.deepEqual(items.map(({ seq }) => seq), [4, 5]);
    const { data } = await client.next('snapshot');
    assert.deepEqual(data.map(({ symbol, seq }) => symbol + seq), ['B5']);
  }
});

test('another epoch is said to be one, and everything begins anew', async (t) => {
  const server = await startServer(t, live());
  await push(server, some('A', 5));
  const client = await server.client();
  client.send(resume('0123456789abcdef', [['me', 'A', 'trade', 3], ['me', 'Z', 'trade', 3]]));
  await client.next('subscribed');
  assert.deepEqual(await client.next('resumed'),
    { type: 'resumed', id: 7, recovered: 0, lost: 4, ignored: 1, epoch_changed: true });
  const { data } = await client.next('snapshot');
  assert.equal(data[0].seq, 5);
  await push(server, some('A', 1));
  assert.equal((await client.next('update')).data[0].seq, 6);
});

test('what cannot be resumed is left out and counted', async (t) => {
  const server = await startServer(t, live());
  await push(server, [...some('A', 5), ...some('B', 5), ...some('C', 5)]);
  const client = await server.client();
  client.send(resume(client.hello.epoch, [
    ['me', 'A', 'trade', 4], ['me', 'A', 'trade', 2], // twice: the higher counts
    ['me', 'B', 'trade', 999], // the future
    ['me', 'C', 'trade', 1], // not subscribed to
    ['you', 'A', 'trade', 1], ['me', 'A', 'quote', 1], ['me', 'Z', 'trade', 1], // unknown
  ], { symbols: ['A', 'B'] }));
  await client.next('subscribed');
  const read = await client.until(({ type }) => type === 'resumed');
  assert.deepEqual(itemsOf(read).map(({ symbol, seq }) => symbol + seq), ['A5']);
  assert.deepEqual(read.at(-1), { type: 'resumed', id: 7, recovered: 1, lost: 0, ignored: 6 });
  assert.deepEqual((await client.next('snapshot')).data.map(({ symbol, seq }) => symbol + seq), ['B5']);
});

test('a stream that is being sent goes on: nothing comes twice', async (t) => {
  const server = await startServer(t, live());
  await push(server, some('A', 5));
  const client = await server.client('?symbols=A&mode=every');
  await client.next('subscribed');
  await client.next('snapshot');
  const { resumed, items } = await comeBack(client, resume(client.hello.epoch, [['me', 'A', 'trade', 1]]));
  assert.deepEqual([items, resumed.recovered, resumed.lost], [[], 0, 0]);
});

test('malformed resumes are refused and change nothing', async (t) => {
  const server = await startServer(t, live());
  await push(server, some('A', 5));
  const client = await server.client();
  const good = ['me', 'A', 'trade', 1];
  for (const bad of [
    1, 'x', [], {}, { epoch: 1, streams: [] }, { epoch: 'x' }, { epoch: 'x', streams: {} },
    ...[1, [], ['me', 'A', 'trade'], ['me', 'A', 'trade', -1], ['me', 'A', 'trade', 1.5],
      ['me', 'A', 'trade', '1'], ['me', 'A', 'candle', 1], [1, 'A', 'trade', 1], ['me', null, 'trade', 1],
    ].map((stream) => ({ epoch: client.hello.epoch, streams: [good, stream] })),
  ]) {
    const answer = await client.ask({ op: 'subscribe', id: 1, symbols: ['A'], resume: bad }, 'error');
    assert.deepEqual([answer.code, answer.id], ['bad_request', 1], JSON.stringify(bad));
    client.send({ op: 'ping' });
    await client.next('pong');
  }
  client.send({ op: 'list' });
  assert.deepEqual((await client.next('subscriptions')).symbols, []);
});

test('commands after a resume wait for its end; several resumes follow one another', async (t) => {
  const server = await startServer(t, live());
  await push(server, [...some('A', 2000), ...some('B', 2000)]);
  const client = await server.client();
  const { epoch } = client.hello;
  client.send({ ...resume(epoch, [['me', 'A', 'trade', 0]]), id: 1, symbols: ['A'], mode: 'every' });
  client.send({ ...resume(epoch, [['me', 'B', 'trade', 1000]]), id: 2, symbols: ['B'], mode: 'every' });
  client.send({ op: 'nonsense', id: 3 });
  client.send({ op: 'unsubscribe', id: 4, symbols: ['A'] });
  client.send({ op: 'ping', id: 5 });
  const read = await client.until(({ type }) => type === 'pong');
  const order = read.filter(({ type }) => type !== 'update').map(({ type, id }) => `${type} ${id}`);
  assert.deepEqual(order, ['subscribed 1', 'resumed 1', 'subscribed 2', 'resumed 2', 'error 3', 'unsubscribed 4', 'pong 5']);
  const items = itemsOf(read);
  checkSequence(items);
  assert.equal(items.filter(({ symbol }) => symbol === 'A').length, 2000);
  assert.equal(items.filter(({ symbol }) => symbol === 'B').length, 1000);
});

test('a busy market: clients that come and go miss nothing', async (t) => {
  const server = await startServer(t, live('--max-queue-bytes', '65536'));
  // Prices come without a pause, each batch as soon as the one before is on the bus.
  const symbols = Array.from({ length: 20 }, (_, i) => `S${i}`);
  let published = 0;
  let isOver = false;
  const market = (async () => {
    while (!isOver) {
      await push(server, Array.from({ length: 100 }, (_, i) => item(symbols[i % 20], published + i)));
      published += 100;
    }
  })();
  let seen = [];
  let epoch;
  let whole = 0; // rounds in which we were fast enough for a queue that small
  for (let round = 0; whole < 6; round++) {
    assert.ok(round < 100, 'never fast enough');
    const client = await server.client();
    epoch ??= client.hello.epoch;
    assert.equal(client.hello.epoch, epoch);
    const streams = place(seen);
    client.send({ op: 'subscribe', symbols: ['*'], mode: 'every', ...(round ? { resume: { epoch, streams } } : {}) });
    const read = round ? await client.until(({ type }) => type === 'resumed') : [];
    if (round) assert.deepEqual([read.at(-1).lost, read.at(-1).recovered > 1000], [0, true]);
    let count = 0;
    read.push(...await client.until(({ data }) => (count += data?.length ?? 0) > 3000));
    client.socket.terminate();
    const codes = read.filter(({ type }) => type === 'error').map(({ code }) => code);
    assert.deepEqual(codes.filter((code) => code !== 'slow_consumer'), []);
    const items = itemsOf(read);
    if (codes.length === 0) {
      assert.ok(items.every(({ skipped }) => skipped === undefined), 'every event');
      whole++;
    }
    seen = [...checkSequence([...seen, ...items]).values()];
    const away = published + 2000;
    while (published < away) await new Promise((resolve) => setImmediate(resolve));
  }
  isOver = true;
  await market;
});

test('a loop makes a new epoch: who comes back with the old one begins anew', async (t) => {
  const path = recording(t, [trade('A', 1_700_000_000_000_000), trade('A', 1_700_000_000_100_000)]);
  const server = await startServer(t, ['--feed', path, '--shards', '1', '--loop']);
  const client = await server.client('?symbols=A&mode=every');
  const { epoch } = client.hello;
  await client.until(({ type }) => type === 'reset');
  const other = await server.client();
  other.send(resume(epoch, [['x', 'A', 'trade', 1]]));
  await other.until(({ type }) => type === 'subscribed'); // the loop may come around before
  assert.equal((await other.until(({ type }) => type === 'resumed')).at(-1).epoch_changed, true);
  assert.notEqual(other.hello.epoch, epoch);
});

