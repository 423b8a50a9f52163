// Starting, ending, refusing to start, and what a recording may be like.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  itemsOf, quote, recording, run, sanitizerReport, startServer, temporaryFolder, trade,
} from '../support/server.mjs';

const T0 = 1700000000000000;
const SIM = ['--feed', 'sim:?symbols=5&rate=500'];
const trades = (count, stepUs = 1) =>
  Array.from({ length: count }, (_, i) => trade('A', T0 + i * stepUs, { price: `${i + 1}` }));
const pricesOf = (messages) => itemsOf(messages).map(({ price }) => price);
const upTo = (count) => Array.from({ length: count }, (_, i) => `${i + 1}`);

// The program must refuse with this code, and say why in one line that matches all patterns.
async function refused(code, args, ...patterns) {
  const ended = await run(args).ended;
  assert.equal(ended.code, code, `${args}: ${ended.stderr}`);
  assert.deepEqual(ended.stderr.filter((line) => sanitizerReport.test(line)), []);
  assert.equal(ended.stderr.length, 1, ended.stderr.join('\n'));
  assert.deepEqual(ended.stdout, []);
  for (const pattern of patterns) assert.match(ended.stderr[0], pattern);
}

// Replays to one client that takes every event; resolves with its messages and the log.
async function replay(t, args) {
  const server = await startServer(t, [...args, '--wait-clients', '1', '--exit-at-end']);
  const client = await server.client('?symbols=*&mode=every');
  const messages = await client.until(({ type }) => type === 'shutdown');
  const { stderr, code } = await server.ended;
  assert.equal(code, 0);
  return { messages, log: stderr };
}

// ---- the end ----

// How long the end takes is told, not judged: it depends on what else the machine does.
const since = (t, begin) => t.diagnostic(`${Math.round(performance.now() - begin)} ms`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal} takes leave of every client and ends with 0`, async (t) => {
    const server = await startServer(t, SIM);
    const clients = [await server.client(), await server.client('?symbols=*&mode=every')];
    const begin = performance.now();
    server.child.kill(signal);
    for (const client of clients) {
      const [shutdown] = (await client.until(({ type }) => type === 'shutdown')).slice(-1);
      assert.deepEqual(Object.keys(shutdown), ['type', 'reconnect_in_ms']);
      assert.ok(shutdown.reconnect_in_ms > 0 && shutdown.reconnect_in_ms <= 5000);
      assert.equal((await client.untilClosed()).code, 1012);
      assert.deepEqual(client.messages, [], 'nothing follows the shutdown');
    }
    assert.equal((await server.ended).code, 0);
    since(t, begin);
  });
}

// Nothing else would end the wait for it before the test gives up: without a limit to taking leave
// only TCP's two minutes are left.
test('a client that does not read cannot delay the end', async (t) => {
  const server = await startServer(t, [
    '--feed', 'sim:?symbols=50&rate=20000&bursts=1', '--stuck-timeout', '0',
  ]);
  const deaf = await server.client('?symbols=*&mode=every');
  deaf.socket.pause();
  const blocked = async () => (await server.http('/api/v1/status')).json.delivery.blocked_writes;
  while ((await blocked()) === 0);
  const begin = performance.now();
  const { code } = await server.stop();
  assert.equal(code, 0);
  since(t, begin);
});

test('two hundred clients are told of the shutdown', async (t) => {
  const server = await startServer(t, SIM);
  const clients = [];
  for (let i = 0; i < 200; i++) clients.push(await server.client('?symbols=*'));
  const begin = performance.now();
  server.child.kill('SIGTERM');
  const delays = new Set();
  for (const client of clients) {
    const [shutdown] = (await client.until(({ type }) => type === 'shutdown')).slice(-1);
    delays.add(shutdown.reconnect_in_ms);
    assert.equal((await client.untilClosed()).code, 1012);
  }
  assert.ok(delays.size > 100, 'they do not all come back at once');
  assert.equal((await server.ended).code, 0);
  since(t, begin);
});

test('with --exit-at-end it ends by itself when clients have everything', async (t) => {
  const { messages } = await replay(t, ['--feed', recording(t, trades(5000)), '--speed', 'max', '--lossless']);
  assert.deepEqual(pricesOf(messages), upTo(5000));
  assert.ok(messages.some(({ type, state }) => type === 'feed' && state === 'ended'));
});

test('with --exit-at-end and no client it ends too', async (t) => {
  const ended = await run([
    '--listen', '127.0.0.1:0', '--feed', recording(t, trades(5)), '--speed', 'max', '--exit-at-end',
  ]).ended;
  assert.equal(ended.code, 0, ended.stderr.join('\n'));
});

test('--drain-timeout bounds the wait for a client that does not read', async (t) => {
  const server = await startServer(t, [
    '--feed', recording(t, trades(200000)), '--speed', 'max', '--exit-at-end',
    '--drain-timeout', '1', '--wait-clients', '1', '--bus-events', '262144',
  ]);
  const client = await server.client();
  client.send({ op: 'subscribe', symbols: ['*'], mode: 'every' });
  client.socket.pause();
  const { code, stderr } = await server.ended;
  assert.equal(code, 0);
  assert.ok(stderr.some((line) => /--drain-timeout/.test(line)), stderr.join('\n'));
});

test('a client that is far behind gets what waits for it, whatever else is said to it', async (t) => {
  const server = await startServer(t, [
    '--feed', recording(t, trades(200000)), '--speed', 'max', '--wait-clients', '1',
    '--max-queue-bytes', '100000000', '--bus-events', '262144',
  ]);
  const client = await server.client();
  client.send({ op: 'subscribe', symbols: ['*'], mode: 'every' });
  client.socket.pause();
  await server.untilReplay('ended'); // of which the client is told behind 20 MB of updates
  client.socket.resume();
  const prices = pricesOf(await client.untilEnded());
  assert.equal(prices.length, 200000);
  assert.deepEqual(prices, upTo(200000));
});

test('--wait-clients holds the replay until so many have subscribed', async (t) => {
  const server = await startServer(t, [
    '--feed', recording(t, trades(3)), '--speed', 'max', '--wait-clients', '2',
  ]);
  const first = await server.client('?symbols=A&mode=every');
  await server.client(); // connected, but not subscribed
  assert.equal((await server.http('/api/v1/replay')).json.state, 'waiting');
  assert.deepEqual(pricesOf(await first.drain()), []);
  const second = await server.client('?symbols=A&mode=every');
  for (const client of [first, second])
    assert.deepEqual(pricesOf(await client.untilEnded()), upTo(3));
});

// ---- the port ----

test('a port in use is refused in one line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address();
  await refused(1, ['--listen', `127.0.0.1:${port}`, ...SIM], new RegExp(`--listen.*127.0.0.1.*${port}.*in use`));
});

test('two servers do not share a port', async (t) => {
  const server = await startServer(t, SIM);
  await refused(1, ['--listen', `127.0.0.1:${server.port}`, ...SIM], /in use/);
  await refused(1, ['--listen', `0.0.0.0:${server.port}`, ...SIM], /in use/);
  await server.client();
});

test('a port can be used again at once', async (t) => {
  const first = await startServer(t, SIM);
  const client = await first.client('?symbols=*');
  await first.stop();
  await client.untilClosed();
  const second = await startServer(t, SIM, { port: first.port });
  assert.equal(second.port, first.port);
  await second.client();
});

test('hosts are taken as names, IPv4 or IPv6 addresses', async (t) => {
  for (const host of ['localhost', '[::1]']) {
    const server = run(['--listen', `${host}:0`, ...SIM]);
    const banner = await server.stdoutLine(/listens on http:/).catch((error) => error.message);
    server.child.kill('SIGTERM');
    const { code } = await server.ended;
    if (/Cannot assign|not supported/.test(banner)) continue; // no IPv6 on this machine
    assert.ok(banner.includes(`http://${host}:`), banner);
    assert.equal(code, 0);
  }
  await refused(1, ['--listen', 'no-such-host.invalid:0', ...SIM], /--listen/, /no-such-host\.invalid/, /allowed/);
});

// ---- options ----

test('bad options are refused in a line that names option, value and what is allowed', async () => {
  const bad = [
    [['--allow-origin', 'app.example'], /--allow-origin app\.example/, /https:\/\/HOST/],
    [['--allow-origin', 'https://app.example/'], /--allow-origin/],
    [['--allow-origin', ''], /--allow-origin/],
    [['--speed', '0x10'], /--speed 0x10/],
    [['--record', '%Q'], /%Q/],
    [['--nonsense'], /--nonsense/, /no such option/],
    [['stray'], /stray/],
    [['-x'], /-x/],
    [['--listen', 'x'], /--listen x/, /HOST:PORT/],
    [['--listen', '127.0.0.1:65536'], /--listen/, /65535/],
    [['--listen', '127.0.0.1:'], /--listen/],
    [['--listen', '::1:80'], /--listen/, /brackets/],
    [['--listen'], /--listen/, /HOST:PORT/],
    [['--speed', '0'], /--speed 0/, /above 0/],
    [['--speed', '-1'], /--speed -1/, /above 0/],
    [['--speed', 'nan'], /--speed nan/, /above 0/],
    [['--speed', 'inf'], /--speed inf/],
    [['--speed', '1x'], /--speed 1x/],
    [['--speed=0'], /--speed 0/],
    [['--loop=1'], /--loop/],
    [['--from', 'yesterday'], /--from yesterday/],
    [['--from', '2024-13-01'], /--from 2024-13-01/],
    [['--to', '12'], /--to 12/],
    [['--from', '2024-02-01', '--to', '2024-01-01'], /--from/, /--to/],
    [['--max-gap', '0'], /--max-gap 0/],
    [['--max-gap', '-1'], /--max-gap -1/],
    [['--rebase', 'later'], /--rebase later/, /now/],
    [['--wait-clients', '-1'], /--wait-clients -1/, /whole number/],
    [['--wait-clients', '1.5'], /--wait-clients 1\.5/],
    [['--shards', '0'], /--shards 0/, /from 1 to/],
    [['--shards', '100000'], /--shards/],
    [['--max-clients', '0'], /--max-clients 0/],
    [['--max-clients', '99999999999999999999'], /--max-clients/],
    [['--heartbeat-ms', '1'], /--heartbeat-ms 1/, /from 50/],
    [['--bus-events', '1000'], /--bus-events/, /power of two/],
    [['--log-level', 'loud'], /--log-level loud/, /debug/],
    [['--log-level'], /--log-level \(nothing\)/, /debug/],
    [['--wait-clients', '3', '--max-clients', '2'], /--wait-clients 3/, /--max-clients .*2/],
    [['--record', ''], /--record/],
    [['--loop', '--exit-at-end'], /--loop/, /--exit-at-end/],
    [['--record-fsync', 'flush'], /--record-fsync/, /with --record PATH, which is missing/],
    [['--config', '/nowhere.json'], /--config \/nowhere\.json.*No such file or directory$/],
  ];
  for (const [args, ...patterns] of bad) await refused(2, args, ...patterns);
});

test('options that do nothing for the feeds there are, are told and left out', async (t) => {
  const server = await startServer(t, ['--feed', 'push:', '--lossless', '--start-paused', '--exit-at-end']);
  const { stderr } = await server.stop();
  const idle = stderr.filter((line) => /does nothing/.test(line)).map((line) => line.replace(/^.* --/, '--'));
  assert.deepEqual(idle, [
    '--start-paused does nothing: none of the feeds is a recording or sim:',
    '--lossless does nothing: none of the feeds is a recording or sim:',
    '--exit-at-end does nothing: push: does not end',
  ]);
});

test('live feeds wait for no clients, whatever --wait-clients says', async () => {
  const server = run(['--listen', '127.0.0.1:0', '--feed', '-', '--wait-clients', '1', '--exit-at-end']);
  const { code, stderr } = await server.ended;
  assert.equal(code, 0);
  assert.ok(stderr.some((line) => /--wait-clients does nothing/.test(line)), stderr.join('\n'));
});

test('an error is one line, whatever stands in an argument', async () => {
  await refused(1, ['--feed', 'a\nb'], /a\?b/);
});

test('a pipe that nobody writes to can be given up', async (t) => {
  const path = join(temporaryFolder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const server = run(['--feed', path]);
  await once(server.child, 'spawn');
  server.child.kill('SIGTERM');
  await server.ended;
});

test('a pipe has one turn: a loop that brings nothing more ends, with a word', async (t) => {
  const path = join(temporaryFolder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const server = run(['--listen', '127.0.0.1:0', '--feed', path, '--loop', '--speed', 'max']);
  await once(server.child, 'spawn');
  const lines = trades(50000).map((item) => `${JSON.stringify(item)}\n`); // more than a buffer holds
  await writeFile(path, lines.join(''));
  await server.stderrLine(/the replay has ended: 50000 events/);
  server.child.kill('SIGTERM');
  const { stderr } = await server.ended;
  const told = stderr.filter((line) => line.includes('cannot be read again'));
  assert.equal(told.length, 1);
  assert.match(told[0], /pipe: it cannot be read again: Illegal seek$/);
});

test('--max-streams holds for recordings too, in both directions', async (t) => {
  const path = join(temporaryFolder(t), 'many.csv');
  const count = 100_100;
  writeFileSync(path, Array.from({ length: count }, (_, i) => `1700000000,S${i},1.50\n`).join(''));
  const play = async (max) => {
    const { code, stderr } = await run([
      '--listen', '127.0.0.1:0', '--feed', `file:${path}?columns=ts,symbol,price`, '--speed', 'max',
      '--exit-at-end', '--max-streams', `${max}`,
    ]).ended;
    assert.equal(code, 0);
    return Number(/the replay has ended: (\d+) events/.exec(stderr.join('\n'))[1]);
  };
  assert.equal(await play(count + 1), count); // and one for the states of the source
  assert.equal(await play(10), 9);
});

test('help and version go to standard output', async () => {
  const help = await run(['--help']).ended;
  assert.equal(help.code, 0);
  assert.deepEqual(help.stderr, []);
  for (const name of ['listen', 'feed', 'speed', 'record', 'config'])
    assert.ok(help.stdout.some((line) => line.includes(`--${name}`)), name);
  const version = await run(['--version']).ended;
  assert.equal(version.code, 0);
  assert.match(version.stdout.join('\n'), /^pricecast \d+\.\d+\.\d+$/);
});

test('a configuration file holds the same options; the command line wins', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'config.json');
  const feed = recording(t, trades(3));
  const write = (value) => writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  write({ feed: [feed], heartbeat_ms: 777, start_paused: true, speed: 2.5, loop: false });
  const server = await startServer(t, ['--config', path]);
  assert.equal((await server.client()).hello.heartbeat_ms, 777);
  const { speed, loop } = await server.untilReplay('paused');
  assert.deepEqual([speed, loop], [2.5, false]);
  const other = await startServer(t, ['--heartbeat-ms', '888', '--config', path, ...SIM]);
  const { hello } = await other.client();
  assert.deepEqual([hello.heartbeat_ms, hello.mode], [888, 'sim']);

  const bad = [
    ['{', /config\.json/], ['[]', /not a JSON object/], [{ nonsense: 1 }, /nonsense/],
    [{ speed: 0 }, /speed 0/], [{ heartbeat_ms: 'x' }, /heartbeat-ms x/], [{ loop: 1 }, /loop/],
    ['{"speed":1,"speed":2}', /speed/], [{ config: path }, /config/], [{ feed: {} }, /feed/],
  ];
  for (const [value, ...patterns] of bad) {
    write(value);
    await refused(2, ['--config', path], ...patterns);
  }
});

test('bad feeds are refused in one line before anything starts', async (t) => {
  const folder = temporaryFolder(t);
  const file = (name, text) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const bad = [
    [join(folder, 'missing'), /missing/, /No such file/],
    [folder, /directory/],
    [file('empty', ''), /empty/],
    [file('prose', 'It was a dark and stormy night.\n'.repeat(9)), /prose/, /not recognised/],
    [file('binary', Buffer.from('7f454c460201010000', 'hex')), /binary/],
    [file('empty.gz', gzipSync('')), /empty\.gz/],
    [file('future', '{"pricecast":99}\n'), /version 99/],
    ['sim:?symbols=0', /symbols=0/, /from 1 to/], ['sim:?rate=x', /rate=x/],
    ['sim:?colour=red', /colour/, /allowed/], ['gopher://x', /gopher/],
    [`file:${recording(t, trades(1))}?format=nonsense`, /nonsense/, /native/],
    [`file:${recording(t, trades(1))}?nonsense=1`, /nonsense/],
  ];
  for (const [feed, ...patterns] of bad) {
    const args = ['--listen', '127.0.0.1:0', '--feed', feed];
    const { code, stderr, stdout } = await run(args).ended;
    assert.ok(code === 1 || code === 2, `${feed}: ${code}`);
    assert.equal(stderr.length, 1, stderr.join('\n'));
    assert.deepEqual(stdout, []);
    for (const pattern of patterns) assert.match(stderr[0], pattern);
  }
});

// ---- recordings ----

test('a file that is cut short is replayed to its last whole line, and the log says where', async (t) => {
  const path = recording(t, trades(20000));
  const whole = readFileSync(path);
  const cases = { 'cut.gz': gzipSync(whole) };
  const zst = join(temporaryFolder(t), 'whole.zst');
  await replay(t, ['--feed', path, '--speed', 'max', '--lossless', '--record', zst]);
  cases['cut.zst'] = readFileSync(zst);
  for (const [name, bytes] of Object.entries(cases)) {
    const cut = join(temporaryFolder(t), name);
    writeFileSync(cut, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    const { messages, log } = await replay(t, ['--feed', cut, '--speed', 'max', '--lossless']);
    const prices = pricesOf(messages);
    assert.ok(prices.length > 5000 && prices.length < 20000, `${name}: ${prices.length}`);
    assert.deepEqual(prices, upTo(prices.length));
    const told = log.filter((line) => line.includes(name));
    assert.equal(told.length, 1, log.join('\n'));
    assert.match(told[0], /ends early/);
    assert.match(told[0], /\bbyte \d+/);
  }
});

test('a plain file without an end of line at its end is whole', async (t) => {
  const path = recording(t, trades(3));
  writeFileSync(path, readFileSync(path, 'utf8').trimEnd());
  const { messages } = await replay(t, ['--feed', path, '--speed', 'max']);
  assert.deepEqual(pricesOf(messages), upTo(3));
});

test('bad lines are counted, and the first is told with its place', async (t) => {
  const good = trades(4).map((item) => JSON.stringify(item));
  const bad = [
    'nonsense', good[0].slice(0, -5), '{"kind":"trade"}', good[0].replace('"1"', '"1e5"'),
    good[0].replace('"1"', '"NaN"'), good[0].replace('"A"', '""'), good[0].replace('"buy"', '"both"'),
    good[0].replace('"A"', '"\\u0007"'), `{"kind":"trade","x":"${'y'.repeat(5000)}"}`,
  ];
  const lines = [good[0], ...bad.slice(0, 1), good[1], ...bad.slice(1), good[2], '', good[3]];
  const path = recording(t, lines);
  const server = await startServer(t, ['--feed', path, '--speed', 'max', '--wait-clients', '1']);
  const client = await server.client('?symbols=*&mode=every');
  assert.deepEqual(pricesOf(await client.untilEnded()), upTo(4));
  const { json } = await server.http('/api/v1/status');
  assert.equal(json.feeds[0].bad, bad.length);
  assert.equal(json.feeds[0].events, 4);
  const told = server.output.stderr.filter((line) => line.includes(path));
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0], /recording\.jsonl:3: /);
});

test('a line that is too long is a bad line', async (t) => {
  const [first, second] = trades(2).map((item) => JSON.stringify(item));
  const path = recording(t, [first, 'x'.repeat(100000), second]);
  const server = await startServer(t, [
    '--feed', path, '--speed', 'max', '--wait-clients', '1', '--max-line-bytes', '1000',
  ]);
  const client = await server.client('?symbols=*&mode=every');
  assert.deepEqual(pricesOf(await client.untilEnded()), upTo(2));
  assert.equal((await server.http('/api/v1/status')).json.feeds[0].bad, 1);
});

test('what was recorded replays as the same items', async (t) => {
  const lines = trades(500).flatMap((item, i) => [
    item,
    quote(i % 2 ? 'B "q"' : 'ü', item.recv, { bid: `-${i}.50`, source: `s${i % 3}` }),
    { kind: 'trade', symbol: 'bare', source: 's', recv: item.recv, price: '0.000' },
  ]);
  const path = recording(t, lines);
  for (const name of ['again.jsonl', 'again.jsonl.gz', 'again.jsonl.zst']) {
    const copy = join(temporaryFolder(t), name);
    const first = await replay(t, ['--feed', path, '--speed', 'max', '--lossless', '--record', copy]);
    const second = await replay(t, ['--feed', copy, '--speed', 'max', '--lossless']);
    assert.equal(itemsOf(first.messages).length, 1500);
    assert.deepEqual(itemsOf(second.messages), itemsOf(first.messages));
    const bytes = readFileSync(copy);
    if (name.endsWith('.gz')) assert.match(String(gunzipSync(bytes)), /^\{"pricecast":1/);
    else if (name.endsWith('.jsonl')) assert.match(String(bytes), /^\{"pricecast":1/);
    else assert.equal(bytes.readUInt32LE(0), 0xfd2fb528);
  }
});

test('a recording is never overwritten, and a bad place for one is refused', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'precious');
  writeFileSync(path, 'precious');
  const begin = ['--listen', '127.0.0.1:0', ...SIM, '--record'];
  await refused(1, [...begin, path], /--record/, /precious/, /exists/);
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  await refused(1, [...begin, join(folder, 'no', 'where')], /--record/, /No such file/);
  assert.ok(!existsSync(join(folder, 'no')));
});

// ---- ranges and pacing ----

test('--from and --to leave out what is outside of [from, to)', async (t) => {
  const path = recording(t, trades(10, 1e6));
  const second = T0 / 1e6;
  const iso = (offset) => new Date((second + offset) * 1000).toISOString();
  const cases = [
    [['--from', '+3s'], 4, 10], [['--to', '+3s'], 1, 3], [['--from', '+2s', '--to', '+5s'], 3, 5],
    [['--from', iso(3), '--to', iso(4)], 4, 4], [['--from', `${second + 8}`], 9, 10],
    [['--to', `${T0 + 1000000}`], 1, 1], [['--from', `${T0}001`, '--to', `${T0 / 1000 + 2000}`], 2, 2],
    [['--from', '+1m'], 1, 0],
  ];
  for (const [args, first, last] of cases) {
    const { messages } = await replay(t, ['--feed', path, '--speed', 'max', ...args]);
    assert.deepEqual(pricesOf(messages), upTo(10).slice(first - 1, last), args.join(' '));
  }
});

test('--max-gap cuts silences, and --speed shortens the rest', async (t) => {
  const lines = [trade('A', T0), trade('A', T0 + 3600e6), trade('A', T0 + 3600e6 + 400e3)];
  const begin = performance.now();
  await replay(t, ['--feed', recording(t, lines), '--max-gap', '300ms', '--speed', '2']);
  const took = performance.now() - begin;
  assert.ok(took >= 300, `${took} ms`); // 300 ms twice, at double speed; uncut it takes half an hour
});

test('--rebase now stamps events with the present, and moves their own time along', async (t) => {
  const lines = [trade('A', T0), trade('A', T0 + 200e3, { ts: T0 + 150e3 })];
  const before = Date.now();
  const { messages } = await replay(t, ['--feed', recording(t, lines), '--rebase', 'now']);
  const [first, second] = itemsOf(messages);
  assert.ok(first.recv / 1000 >= before - 1 && first.recv / 1000 <= Date.now());
  assert.equal(first.recv - first.ts, 7);
  assert.equal(second.recv - second.ts, 50000);
  assert.ok(second.recv >= first.recv && second.recv / 1000 <= Date.now());
});

test('log lines can be JSON', async (t) => {
  const path = recording(t, [trade('A', T0), 'bad "line"']);
  const server = await startServer(t, ['--feed', path, '--log-json']);
  await server.stderrLine(/ended/);
  for (const line of server.output.stderr) assert.equal(typeof JSON.parse(line), 'object');
});
