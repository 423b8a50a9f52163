// What pricecast-load promises, against the real server and against one that does as it is told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  converse, programs, run, start, startFake, startServer, trade, update,
} from './support.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

async function load(...args) {
  const { code, stdout, stderr } = await run(programs.load, [...args, '--json']);
  return { code, stderr, result: stdout.length > 0 ? JSON.parse(stdout[0]) : null };
}

/** Measures for longer and longer, until at least so many updates came in that time. */
async function loadUntil(updates, ...args) {
  for (let duration = 0.5; ; duration *= 4) {
    const run = await load(...args, '--duration', String(duration));
    if (run.code !== 0 || run.result.updates >= updates) return run;
  }
}

test('counts and checks what many clients receive', async () => {
  const { code, result, stderr } = await loadUntil(
    50, server.url, '--clients', '50', '--mode', 'every', '--verify', '--server-pid', String(server.pid),
  );
  assert.deepEqual(stderr, []);
  assert.equal(code, 0);
  assert.equal(result.subscribed, 50);
  assert.equal(result.failed + result.errors + result.bad + result.violations, 0);
  assert.ok(result.checked >= result.updates);
  assert.equal(result.latency_us.count, result.updates);
  assert.ok(result.latency_us.p50 <= result.latency_us.p99);
  assert.ok(result.latency_us.p999 <= result.latency_us.max);
  assert.ok(result.server.cpu_s > 0 && result.server.rss_bytes > 0);
});

test('slow clients do not hold up the others', async () => {
  const { code, result } = await loadUntil(
    1, server.url, '--clients', '10', '--slow', '4', '--verify',
  );
  assert.equal(code, 0);
  assert.equal(result.slow, 4);
});

test('each client may take symbols of its own', async () => {
  const { code } = await loadUntil(
    1, server.url, '--clients', '20', '--random-symbols', '3', '--verify',
  );
  assert.equal(code, 0);
  const { code: refused, stderr } = await load(server.url, '--random-symbols', '21');
  assert.equal(refused, 1);
  assert.match(stderr[0], /--random-symbols 21: allowed is at most 20/);
});

test('verifies binary frames like any', async () => {
  for (const mode of ['every', 'latest']) {
    const { code, result } = await loadUntil(
      1, server.url, '--binary', '--clients', '20', '--mode', mode, '--verify');
    assert.equal(code, 0);
    assert.deepEqual([result.bad, result.failed], [0, 0]);
  }
});

test('mixed clients that change their minds see no gap', async () => {
  const { code, result } = await load(
    server.url, '--clients', '40', '--random-symbols', '5', '--skew', '1', '--churn', '100',
    '--mode', 'mixed', '--max-rate', '20', '--duration', '1', '--verify',
  );
  assert.equal(code, 0);
  assert.ok(result.churned > 0 && result.checked > 0);
  assert.equal(result.violations + result.bad, 0);
});

test('symbols may be chosen from a list of ours', async () => {
  const asked = [];
  const fake = await startFake((ws) => converse(ws, update(trade(1))).then((it) => asked.push(it)));
  await load(fake.url, '--clients', '9', '--symbols', 'A,B,C', '--random-symbols', '2',
    '--duration', '0.2');
  fake.stop();
  assert.equal(asked.length, 9);
  for (const { symbols } of asked) assert.equal(new Set(symbols).size, 2);
});

test('other servers are measured in their own dialect', async () => {
  const bare = await startFake((ws) => ws.send(update(trade(1))));
  const { result: one } = await load(bare.url, '--dialect', 'bare', '--duration', '0.5');
  bare.stop();
  assert.equal(one.subscribed, 1);
  const nats = await startFake((ws) => {
    ws.send('INFO {}\r\n');
    ws.on('message', (text) => {
      if (!String(text).startsWith('CONNECT')) return;
      assert.match(String(text), /\r\nSUB A 1\r\nPING\r\n$/);
      const item = update(trade(1));
      ws.send('PONG\r\n');
      ws.send(Buffer.from(`MSG A 1 ${item.length}\r\n${item}\r\nMSG A 1 ${item.length}\r\n${item}\r\n`));
      ws.close();
    });
  });
  const { code, result } = await load(
    nats.url, '--dialect', 'nats', '--symbols', 'A', '--duration', '0');
  nats.stop();
  assert.equal(code, 0);
  assert.equal(result.updates, 2);
});

test('without a duration it lasts until the server closes', async () => {
  const own = await startServer();
  const running = start(programs.load, [
    own.url, '--clients', '5', '--duration', '0', '--verify', '--json',
  ]);
  let sessions;
  do sessions = (await (await fetch(`${own.url}api/v1/status`)).json()).clients.sessions;
  while (sessions < 5);
  await own.stop();
  const { code, stdout } = await running.ended;
  const all = JSON.parse(stdout[0]);
  assert.equal(code, 0, stdout[0]);
  assert.equal(all.ended, 5);
  assert.equal(all.violations, 0);
});

test('an interrupt ends the measuring, not the report', async () => {
  let subscriptions = 0;
  let running;
  const fake = await startFake((ws) =>
    converse(ws, update(trade(1))).then(() => {
      if (++subscriptions === 2) running.child.kill('SIGINT');
    }));
  running = start(programs.load, [fake.url, '--clients', '2', '--duration', '0', '--json']);
  const { code, stdout } = await running.ended;
  fake.stop();
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout[0]).clients, 2);
});

test('a broken promise is found and told', async () => {
  const fake = await startFake((ws) =>
    converse(ws, update(trade(5), trade(7, { skipped: 1 }), trade(9))).then(() => ws.close(1000)));
  const { code, result, stderr } = await load(fake.url, '--duration', '0', '--verify');
  fake.stop();
  assert.equal(code, 1);
  assert.equal(result.checked, 3);
  assert.equal(result.violations, 1);
  assert.equal(result.skipped, 1);
  assert.deepEqual(stderr, [
    'pricecast-load: client 0: trade x A: seq 9 with skipped 0 came after seq 7',
  ]);
});

test('a new epoch begins the count anew', async () => {
  const fake = await startFake((ws) => {
    const reset = '{"type":"reset","epoch":"e2","reason":"seek"}';
    converse(ws, update(trade(5)), reset, update(trade(1))).then(() => ws.close(1000));
  });
  const { code, result } = await load(fake.url, '--duration', '0', '--verify', '--clients', '3');
  fake.stop();
  assert.equal(code, 0);
  assert.equal(result.violations, 0);
  assert.equal(result.updates, 6);
  const mean = result.update_frame_bytes_mean - 0.01; // it was rounded
  assert.equal(result.update_frames, 6);
  assert.ok(mean > 100 && result.bytes >= result.update_frames * mean);
});

test('failures make it fail', async () => {
  const denying = await startFake(() => {}, { refuse: 503 });
  const denied = await load(denying.url, '--duration', '0.1');
  denying.stop();
  assert.equal(denied.code, 1);
  assert.deepEqual(denied.stderr, ['pricecast-load: client 0: the server answered HTTP 503']);

  const babbling = await startFake((ws) => converse(ws, 'nonsense').then(() => ws.close(1000)));
  const babbled = await load(babbling.url, '--duration', '0');
  babbling.stop();
  assert.equal(babbled.code, 1);
  assert.equal(babbled.result.bad, 1);

  const gone = await load(babbling.url);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr[0], /cannot connect to 127\.0\.0\.1 port \d+: Connection refused/);

  const stranger = await load(server.url, '--server-pid', '4194304', '--duration', '0.1');
  assert.equal(stranger.code, 1);
  assert.deepEqual(stranger.stderr, ['pricecast-load: --server-pid: there is no such process']);
});

test('the table for people has every measure', async () => {
  const { code, stdout } = await run(programs.load, [
    server.url, '--duration', '0.2', '--verify', '--server-pid', String(server.pid), '--slow', '1',
    '--clients', '2',
  ]);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout.map((line) => line.slice(0, 11).trim()).filter((row) => row !== 'caution'),
    ['clients', 'slow', 'measured', 'frames', 'updates', 'received', 'latency', 'own CPU',
      'server CPU', 'server RAM', 'checked'],
  );
});

test('bad arguments are refused in one line that says what is allowed', async () => {
  const cases = [
    [['--clients', '0'], '--clients 0: allowed is a whole number from 1 to 1000000'],
    [['--clients', 'x'], '--clients x: allowed is a whole number from 1 to 1000000'],
    [['--duration', '-1'], '--duration -1: allowed is a number from 0 to 1e+06'],
    [['--slow', '2'], '--slow 2: allowed is at most --clients, 1'],
    [['--mode', 'all'], '--mode all: allowed is every|latest|mixed'],
    [['wss://h/'], 'URL wss://h/: allowed is ws://HOST:PORT/PATH or http://…'],
    [[server.url, 'A'], 'A: allowed is one URL'],
    [[server.url, '--symbols', 'A,,B'], '--symbols A,,B: allowed are names with commas between'],
    [['--what'], 'unknown option --what: --help lists those allowed'],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await run(programs.load, args);
    assert.equal(code, 2, args.join(' '));
    assert.deepEqual(stdout, []);
    assert.deepEqual(stderr, [`pricecast-load: ${message}`]);
  }
});

test('--help and --version go to stdout', async () => {
  const help = await run(programs.load, ['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout[0], /^usage: pricecast-load /);
  const version = await run(programs.load, ['--version']);
  assert.equal(version.code, 0);
  assert.match(version.stdout[0], /^pricecast-load \d+\.\d+\.\d+$/);
});
