// What pricecast-tap promises, against the real server and against one that does as it is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import {
  converse, hello, programs, run, start, startFake, startServer, subscribed, trade, update,
} from './support.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const tap = (...args) => run(programs.tap, args);

test('prints one event a line for people', async () => {
  const { code, stdout } = await tap(server.url, 'ALFA-USD', '--count', '20');
  assert.equal(code, 0);
  assert.equal(stdout.length, 20);
  const price = '\\d+(\\.\\d+)?';
  const line = new RegExp(
    '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6}  ALFA-USD +' +
      `(trade  ${price}  size ${price}  (buy|sell)|` +
      `quote  ${price} × ${price}  \\(${price} × ${price}\\))  sim`,
  );
  for (const text of stdout) assert.match(text, line);
});

test('prints JSON items byte for byte as the server sends them', async () => {
  const frames = [];
  const socket = new WebSocket(server.url.replace('http', 'ws') + 'ws');
  socket.on('message', (text) => frames.push(String(text)));
  await once(socket, 'open');
  socket.send('{"op":"subscribe","symbols":["*"],"mode":"every"}');
  await once(socket, 'message');
  const { code, stdout } = await tap(server.url, '--json', '--mode', 'every', '--count', '500');
  assert.equal(code, 0);
  const last = stdout.at(-1);
  while (!frames.some((frame) => frame.includes(last))) await once(socket, 'message');
  socket.terminate();
  const seen = frames.join('\n');
  // The tap's snapshot may reach back behind ours; every update must be in both.
  for (const line of stdout.slice(-400)) assert.ok(seen.includes(line), line);
});

test('prints the same from binary frames', async () => {
  const args = ['ALFA-USD', '--json', '--mode', 'every', '--count', '20', '--no-snapshot'];
  const { stdout, code } = await start(programs.tap, [server.url, '--binary', ...args]).ended;
  assert.equal(code, 0);
  const items = stdout.map((line) => JSON.parse(line));
  assert.equal(items.length, 20);
  for (const { kind, symbol, source, price, bid } of items)
    assert.ok(/^(trade|quote)$/.test(kind) && symbol === 'ALFA-USD' && source && (price ?? bid));
});

test('delivers every event in order when asked to', async () => {
  const { stdout, stderr } = await tap(server.url, '--json', '--mode', 'every', '--count', '2000');
  const last = new Map();
  for (const item of stdout.map((line) => JSON.parse(line))) {
    const stream = `${item.kind} ${item.source} ${item.symbol}`;
    if (last.has(stream))
      assert.equal(item.seq, last.get(stream) + 1 + (item.skipped ?? 0), stream);
    last.set(stream, item.seq);
  }
  assert.deepEqual(stderr.filter((line) => /gap/.test(line)), []);
});

test('limits kinds, symbols and rate', async () => {
  const { stdout } = await tap(
    server.url, 'ALFA-USD', 'BR*', '--json', '--kinds', 'trade', '--max-rate', '20',
    '--count', '50',
  );
  const items = stdout.map((line) => JSON.parse(line));
  assert.deepEqual([...new Set(items.map((item) => item.kind))], ['trade']);
  const symbols = [...new Set(items.map((item) => item.symbol))].sort();
  assert.deepEqual(symbols, ['ALFA-USD', 'BRAVO-USD']);
});

test('asks for what its arguments say', async () => {
  const asked = [];
  const fake = await startFake((ws, request) => {
    asked.push(request.url);
    converse(ws, update(trade(1))).then((command) => asked.push(command));
  });
  await tap(fake.url, 'A', 'B-"*', '--count', '1');
  await tap(`${fake.url}?token=t`, '--count', '1', '--mode=every', '--kinds', 'quote,trade',
    '--max-rate', '2.5', '--no-snapshot');
  fake.stop();
  assert.deepEqual(asked, [
    '/ws',
    { op: 'subscribe', id: 1, symbols: ['A', 'B-"*'] },
    '/ws?token=t',
    {
      op: 'subscribe', id: 1, symbols: ['*'], kinds: ['quote', 'trade'], mode: 'every',
      max_rate: 2.5, snapshot: false,
    },
  ]);
});

test('an interrupt ends it in good order', async () => {
  const running = start(programs.tap, [server.url]);
  await once(running.lines, 'line');
  running.child.kill('SIGINT');
  const { code, signal } = await running.ended;
  assert.equal(signal, null);
  assert.equal(code, 0);
});

test('a reader that leaves ends it without a complaint', async () => {
  const running = start(programs.tap, [server.url, '--json']);
  await once(running.lines, 'line');
  running.child.stdout.destroy();
  const { code, stderr } = await running.ended;
  assert.equal(code, 0);
  assert.ok(stderr.every((line) => /connected|feed/.test(line)), stderr.join('\n'));
});

test('comes back when the server does', async () => {
  let own = await startServer();
  const running = start(programs.tap, [own.url]);
  await running.stderrLine(/connected to/);
  await own.stop('SIGKILL');
  await running.stderrLine(/connecting again in/);
  own = await startServer({ port: own.port });
  const before = running.output.stdout.length;
  while (running.output.stdout.length <= before) await once(running.lines, 'line');
  running.child.kill('SIGINT');
  assert.equal((await running.ended).code, 0);
  await own.stop();
});

test('with --once the end of the connection is its end', async () => {
  const own = await startServer();
  const running = start(programs.tap, [own.url, '--once']);
  await once(running.lines, 'line');
  await own.stop('SIGKILL');
  assert.equal((await running.ended).code, 1);
  const { code, stderr } = await tap(own.url, '--once');
  assert.equal(code, 1);
  assert.match(stderr[0], /no connection to 127\.0\.0\.1 port \d+/);
});

test('an announced shutdown is in order, and its advice is taken', async () => {
  let connections = 0;
  const fake = await startFake((ws) => {
    connections++;
    const goodbye = '{"type":"shutdown","reconnect_in_ms":1}';
    converse(ws, update(trade(1)), goodbye).then(() => ws.close(1012));
  });
  assert.equal((await tap(fake.url, '--once')).code, 0);
  const { code, stderr } = await tap(fake.url, '--count', '3');
  fake.stop();
  assert.equal(code, 0);
  assert.equal(connections, 4);
  assert.ok(stderr.includes('pricecast-tap: connecting again in 0.0 s'));
});

test('a message of 1 MiB in fragments is taken whole, a longer one refused', async () => {
  const rest = update(trade(1, { pad: '' })).length;
  const sendInPieces = (ws, text) => {
    for (let at = 0; at < text.length; at += 70000)
      ws.send(text.slice(at, at + 70000), { fin: at + 70000 >= text.length });
  };
  const lengths = [1 << 20, (1 << 20) + 1];
  const fake = await startFake((ws) => {
    const text = update(trade(1, { pad: 'x'.repeat(lengths.shift() - rest) }));
    converse(ws).then(() => sendInPieces(ws, text));
  });
  const { code, stdout } = await tap(fake.url, '--json', '--count', '1');
  assert.equal(code, 0);
  assert.equal(stdout[0].length, (1 << 20) - update().length);
  const refused = await tap(fake.url, '--once');
  fake.stop();
  assert.equal(refused.code, 1);
  assert.ok(refused.stderr.includes('pricecast-tap: a message was too long'));
});

test('reports gaps, states and what it does not understand on stderr', async () => {
  const fake = await startFake((ws) => {
    converse(
      ws,
      '{"type":"feed","source":"x","state":"down","ts":1}',
      update(trade(5), trade(9, { skipped: 3 }), trade(11)),
      '{"type":"reset","epoch":"e2","reason":"loop"}',
      update(trade(1)),
      '{"type":"error","code":"slow_consumer","message":"too slow"}',
      'nonsense',
      '{"type":"from the future"}',
      update(trade(2)),
    );
  });
  const { code, stdout, stderr } = await tap(fake.url, '--count', '5');
  fake.stop();
  assert.equal(code, 0);
  assert.match(stdout[1], /\+3 skipped$/);
  assert.deepEqual(stderr, [
    'pricecast-tap: connected to fake/1: live, epoch e1',
    'pricecast-tap: feed x: down',
    'pricecast-tap: gap: trade x A: seq 11 with skipped 0 came after seq 9',
    'pricecast-tap: reset (loop): epoch e2',
    'pricecast-tap: the server reports slow_consumer: too slow',
    'pricecast-tap: a message of 8 bytes was not understood',
  ]);
});

test('nothing that a feed sends can command the terminal', async () => {
  const evil = '\u001b[31m\u007f\u009b31m';
  const fake = await startFake((ws) => {
    const raw = trade(1, { symbol: 'S\u0085', side: evil }).replaceAll('\\u001b', '\u001b');
    converse(ws, raw, update(trade(2, { symbol: evil, price: evil, source: evil })));
  });
  const { stdout, stderr } = await tap(fake.url, '--count', '1');
  fake.stop();
  assert.doesNotMatch([...stdout, ...stderr].join(''), /[\u0000-\u001f\u007f-\u009f]/);
});

test('gives up where trying again would change nothing', async () => {
  const denying = await startFake(() => {}, { refuse: 401 });
  const denied = await tap(denying.url);
  denying.stop();
  assert.equal(denied.code, 1);
  assert.deepEqual(denied.stderr, ['pricecast-tap: 127.0.0.1 answered HTTP 401']);

  const refusing = await startFake((ws) => {
    ws.send(hello());
    ws.on('message', () =>
      ws.send('{"type":"error","id":1,"code":"bad_request","message":"no such mode"}'));
  });
  const refused = await tap(refusing.url);
  refusing.stop();
  assert.equal(refused.code, 1);
  assert.match(refused.stderr.at(-1), /bad_request: no such mode/);

  const picky = await startFake((ws) => {
    ws.send(hello());
    ws.on('message', () =>
      ws.send(subscribed({ symbols: [], rejected: [{ symbol: 'A', code: 'bad' }], total: 0 })));
  });
  const rejected = await tap(picky.url, 'A');
  picky.stop();
  assert.equal(rejected.code, 1);
  assert.match(rejected.stderr.at(-1), /not accepted: \[\{"symbol":"A","code":"bad"\}\]/);
});

test('says which symbols it waits for', async () => {
  const running = start(programs.tap, [server.url, 'NEVER-SEEN']);
  await running.stderrLine(/nothing known yet of \["NEVER-SEEN"\]/);
  running.child.kill('SIGINT');
  assert.equal((await running.ended).code, 0);
});

test('a server that has gone silent is left', async () => {
  const fake = await startFake((ws) => ws.send(hello({ heartbeat_ms: 20 })));
  const { code, stderr } = await tap(fake.url, '--once');
  fake.stop();
  assert.equal(code, 1);
  assert.ok(stderr.includes('pricecast-tap: the server has gone silent'));
});

test('bad arguments are refused in one line that says what is allowed', async () => {
  const cases = [
    [['--mode', 'fast'], '--mode fast: allowed is every|latest'],
    [['--kinds', 'trade,bid'],
      '--kinds trade,bid: allowed is trade|quote, several with commas between'],
    [['--max-rate', '0'], '--max-rate 0: allowed is a number from 0.001 to 1000'],
    [['--max-rate=nan'], '--max-rate nan: allowed is a number from 0.001 to 1000'],
    [['--count', '1.5'], '--count 1.5: allowed is a whole number from 1 to 1000000000000000'],
    [['--count'], '--count has no value: allowed is a whole number from 1 to 1000000000000000'],
    [['--json=1'], '--json 1: no value is allowed'],
    [['--nonsense'], 'unknown option --nonsense: --help lists those allowed'],
    [['-?'], 'unknown option -?: --help lists those allowed'],
    [['ftp://h/'], 'URL ftp://h/: allowed is ws://HOST:PORT/PATH, also with wss, http or https'],
    [['A', 'ws://h/'], 'SYMBOL "ws://h/": allowed are names and patterns, and one URL before them'],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await tap(...args);
    assert.equal(code, 2, args.join(' '));
    assert.deepEqual(stdout, []);
    assert.deepEqual(stderr, [`pricecast-tap: ${message}`]);
  }
});

test('--help and --version go to stdout', async () => {
  const help = await tap('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout[0], /^usage: pricecast-tap /);
  const version = await tap('--version');
  assert.equal(version.code, 0);
  assert.match(version.stdout[0], /^pricecast-tap \d+\.\d+\.\d+$/);
});
