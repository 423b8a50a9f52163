// A live broadcast that is recorded in parts goes on after a restart: same epoch, same numbers, and
// clients get what they missed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  checkSequence, http, itemsOf, recording, run, startServer, temporaryFolder, trade, within,
} from '../support/server.mjs';

const push = async (server, items) => {
  const body = items.map((item) => JSON.stringify(item)).join('\n');
  const { json } = await http(server, '/api/v1/publish', { method: 'POST', body });
  assert.equal(json.accepted, items.length);
};
const item = (symbol, price) => ({ kind: 'trade', symbol, source: 'me', price: String(price) });
const some = (symbol, count) => Array.from({ length: count }, (_, i) => item(symbol, i + 1));
const live = (path, ...args) =>
  ['--feed', 'push:', '--shards', '2', '--record', path, '--record-continue', ...args];

/** A server that is ended by the test itself. */
const start = (args) => startServer(null, args);
async function end(server, signal = 'SIGTERM') {
  const { code, signal: by, stderr } = await server.stop(signal);
  if (signal === 'SIGTERM') assert.deepEqual([code, by], [0, null], stderr.join('\n'));
}

/** Connects with what was seen; returns what came until `resumed`, and it. */
async function comeBack(server, epoch, streams, fields = {}) {
  const client = await server.client();
  client.send({ op: 'subscribe', symbols: ['*'], resume: { epoch, streams }, ...fields });
  await client.next('subscribed');
  const read = await client.until(({ type }) => type === 'resumed');
  return { client, resumed: read.at(-1), items: itemsOf(read, 'update') };
}

/** The last seq of each symbol in the parts, as they are on the disk now. */
function written(path) {
  const last = new Map();
  const folder = join(path, '..');
  for (const name of readdirSync(folder).filter((text) => text.endsWith('.jsonl')).sort())
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1)) {
      const { symbol, seq } = JSON.parse(line);
      if (symbol) last.set(symbol, seq);
    }
  return last;
}
const untilWritten = (path, symbol, seq) =>
  within((async () => {
    while (written(path).get(symbol) !== seq) await new Promise((resolve) => setImmediate(resolve));
  })(), `${symbol}${seq} on the disk`);

for (const ending of ['jsonl', 'jsonl.zst', 'jsonl.gz'])
  for (const mode of ['latest', 'every'])
    test(`${ending}, ${mode}: after SIGTERM all is as if nothing had been`, async (t) => {
      const path = join(temporaryFolder(t), `prices.${ending}`);
      const first = await start(live(path));
      await push(first, [...some('A', 30), ...some('QUIET', 2)]);
      const { epoch } = (await first.client('?symbols=*')).hello;
      await end(first);

      const second = await start(live(path));
      const { client, resumed, items } = await comeBack(second, epoch,
        [['me', 'A', 'trade', 10], ['me', 'QUIET', 'trade', 1]], { mode });
      assert.equal(client.hello.epoch, epoch);
      assert.deepEqual([resumed.recovered, resumed.lost], [21, 0]);
      await push(second, [item('A', 99)]);
      const { data } = await client.next('update');
      assert.deepEqual([data[0].seq, data[0].skipped], [31, undefined]);
      checkSequence([...items, ...data]);
      await end(second);

      // And once more: what was recorded by either is there, once.
      const third = await start(live(path));
      const again = await comeBack(third, epoch, [['me', 'A', 'trade', 0], ['me', 'QUIET', 'trade', 2]]);
      assert.deepEqual([again.resumed.recovered, again.resumed.lost], [31, 0]);
      assert.deepEqual(again.items.map(({ seq }) => seq), Array.from({ length: 31 }, (_, i) => i + 1));
      const { json } = await http(third, '/api/v1/latest?symbols=*');
      assert.deepEqual(json.data.map(({ symbol, seq }) => symbol + seq), ['A31', 'QUIET2']);
      await end(third);
    });

const GAP = 1_000_000;

test('after SIGKILL what was written comes again, and a gap stands for what may not have been', async (t) => {
  const path = join(temporaryFolder(t), 'prices.jsonl');
  const first = await start(live(path));
  const watch = await first.client('?symbols=*&mode=every');
  const { epoch } = watch.hello;
  await push(first, [...some('A', 30), ...some('B', 5)]);
  await untilWritten(path, 'B', 5);
  await push(first, some('A', 5)); // written or not
  await watch.until(({ data }) => data?.some(({ symbol, seq }) => symbol === 'A' && seq === 35));
  await end(first, 'SIGKILL');
  const last = written(path).get('A');

  const second = await start(live(path));
  const early = await comeBack(second, epoch, [['me', 'A', 'trade', 35], ['me', 'B', 'trade', 3]],
    { mode: 'every' });
  assert.equal(early.client.hello.epoch, epoch);
  assert.deepEqual(early.items.map(({ symbol, seq }) => symbol + seq), ['B4', 'B5']);
  assert.deepEqual([early.resumed.lost, early.resumed.ignored], [0, undefined]);
  // A stream that appears after the crash may be one of which nothing was written.
  await push(second, [item('NEW', 1)]);
  const fresh = await early.client.until(({ data }) => data?.some(({ symbol }) => symbol === 'NEW'));
  assert.deepEqual(itemsOf(fresh, 'update').map(({ symbol, seq }) => [symbol, seq]), [['NEW', GAP + 1]]);
  await push(second, [item('A', 1), item('A', 2)]);
  const seen = [];
  await early.client.until(({ data }) => {
    seen.push(...(data ?? []));
    return seen.at(-1)?.seq === last + GAP + 2;
  });
  checkSequence([{ kind: 'trade', source: 'me', symbol: 'A', seq: 35 }, ...seen]);
  const late = await comeBack(second, epoch, [['me', 'A', 'trade', 10]]);
  assert.deepEqual([late.resumed.recovered, late.resumed.lost], [last - 10 + 2, GAP]);
  await end(second);

  // B has had no event since the crash: its gap outlives an orderly end.
  const third = await start(live(path));
  await push(third, [item('A', 3), item('B', 3)]);
  const { json } = await http(third, '/api/v1/latest?symbols=*');
  assert.deepEqual(json.data.map(({ symbol, seq }) => [symbol, seq]),
    [['A', last + GAP + 3], ['B', 5 + GAP + 1], ['NEW', GAP + 1]]);
  await end(third, 'SIGKILL');

  // A second crash, of which nothing was written: higher still.
  const fourth = await start(live(path));
  const before = await http(fourth, '/api/v1/latest?symbols=A');
  await push(fourth, [item('A', 4)]);
  const after = await http(fourth, '/api/v1/latest?symbols=A');
  assert.equal(after.json.data[0].seq, before.json.data[0].seq + 2 * GAP + 1);
  assert.ok(after.json.data[0].seq > last + GAP + 3);
  await end(fourth);
});

/** The answer to an event stream that comes back with this id. */
async function streamBack(server, id) {
  const leave = new AbortController();
  const headers = { 'Last-Event-ID': id };
  const { body } = await fetch(`${server.url}sse?symbols=*`, { headers, signal: leave.signal });
  let text = '';
  const resumed = /^data: (\{"type":"resumed".*)$/m;
  for await (const bytes of body) {
    text += Buffer.from(bytes);
    if (text.slice(text.search(resumed)).includes('\n\n') && resumed.test(text)) break;
  }
  leave.abort();
  return JSON.parse(resumed.exec(text)[1]);
}

test('an event stream comes back after SIGKILL to where it was, if that is known', async (t) => {
  const path = join(temporaryFolder(t), 'prices.jsonl');
  const first = await start(live(path));
  const { epoch } = (await first.client()).hello;
  await push(first, [...some('A', 3), ...some('B', 2)]);
  await untilWritten(path, 'B', 2);
  await end(first, 'SIGKILL');

  const second = await start(live(path));
  await push(second, [item('A', 4), item('C', 1)]);
  const { recovered, lost } = await streamBack(second, `${epoch}-4`);
  assert.deepEqual([recovered, lost], [1, 2 * GAP]); // B2; what may have been before A4 and C1
  // Not written, as far as anybody knows: whatever stands there now is something else.
  for (const place of [6, GAP, GAP + 6, 2 * GAP + 7])
    assert.equal((await streamBack(second, `${epoch}-${place}`)).epoch_changed, true, String(place));
  assert.deepEqual(await streamBack(second, `${epoch}-${2 * GAP + 7}.1`),
    { type: 'resumed', recovered: 0, lost: 0 });
  await end(second, 'SIGKILL');

  const third = await start(live(path)); // of the time before the first crash nothing is known any more
  assert.equal((await streamBack(third, `${epoch}-4`)).epoch_changed, true);
  await end(third);
});

test('several parts: the tail of all of them comes again, and streams of old parts go on', async (t) => {
  const path = join(temporaryFolder(t), 'p-%Y.jsonl');
  const first = await start(live(path, '--record-rotate', '1K'));
  const { epoch } = (await first.client()).hello;
  await push(first, some('QUIET', 1));
  for (let i = 0; i < 20; i++) await push(first, some('A', 5));
  await end(first);
  assert.ok(readdirSync(join(path, '..')).length > 5);
  const second = await start(live(path, '--record-rotate', '1K'));
  const { resumed } = await comeBack(second, epoch, [['me', 'A', 'trade', 60], ['me', 'QUIET', 'trade', 1]]);
  assert.deepEqual([resumed.recovered, resumed.lost, resumed.ignored], [40, 0, undefined]);
  await push(second, some('QUIET', 1));
  const { json } = await http(second, '/api/v1/latest?symbols=QUIET');
  assert.equal(json.data[0].seq, 2);
  await end(second);
});

test('a state that cannot be read is refused with its name', async (t) => {
  const path = join(temporaryFolder(t), 'prices.jsonl');
  for (const text of ['', 'x', '{"pricecast":1}\n{"type":"state","epoch":"no","clean":true,"crashes":0}\n']) {
    writeFileSync(`${path}.state`, text);
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...live(path)]).ended;
    assert.equal(code, 1);
    assert.match(stderr.join('\n'), /--record .*prices\.jsonl.*\.state.*\(it is damaged\)/);
  }
  writeFileSync(`${path}.state`,
    '{"pricecast":1}\n{"type":"state","epoch":"00000000000000ff","clean":true,"crashes":0}\n' +
    '{"type":"part","path":"/nowhere/prices-0001.jsonl"}\n');
  const server = await start(live(path));
  assert.equal((await server.client()).hello.epoch, '00000000000000ff');
  await server.stderrLine(/going on from \/nowhere\/prices-0001\.jsonl: No such file/);
  await end(server);
});

test('a replay that is recorded begins a new epoch each time', async (t) => {
  const path = join(temporaryFolder(t), 'prices.jsonl');
  const feed = recording(t, [trade('A', 1_700_000_000_000_000)]);
  const args = ['--feed', feed, '--shards', '1', '--record', path, '--record-continue'];
  const epochs = new Set();
  for (let i = 0; i < 2; i++) {
    const server = await start(args);
    epochs.add((await server.client()).hello.epoch);
    await end(server);
  }
  assert.equal(epochs.size, 2);
  assert.ok(!existsSync(`${path}.state`));
});

test('two at a time would give the same numbers: the second is refused, whatever the first is doing', async (t) => {
  const path = join(temporaryFolder(t), 'prices.jsonl');
  const rotating = ['--record-rotate', '64K'];
  const first = await start(live(path, ...rotating));
  const refused = async () => {
    const { code, stderr } = await run(['--listen', '127.0.0.1:0', ...live(path)]).ended;
    assert.equal(code, 1);
    assert.match(stderr.join('\n'), /--record .*prices\.jsonl: another process records there; allowed: one/);
  };
  await refused();
  await push(first, some('A', 3000)); // parts come and go
  await untilWritten(path, 'A', 3000);
  await refused();
  await push(first, [item('A', 1)]);
  await end(first, 'SIGKILL');
  const second = await start(live(path));
  await end(second);
});
