// What pricecast-feed promises: nothing is lost or changed on the way, and no half file is left.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  createWriteStream, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const program = process.env.PRICECAST_FEED
  ?? join(dirname(process.env.PRICECAST_TAP), 'pricecast-feed');
const fixture = (name) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pricecast-feed-'));
after(() => rmSync(folder, { recursive: true }));

let names = 0;
const fresh = (ending = '.jsonl') => join(folder, `f${++names}${ending}`);

/** Runs the tool to its end. */
async function feed(args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks = { stdout: [], stderr: [] };
  child.stdout.on('data', (chunk) => chunks.stdout.push(chunk));
  child.stderr.on('data', (chunk) => chunks.stderr.push(chunk));
  const [code] = await once(child, 'close');
  const text = (name) => Buffer.concat(chunks[name]).toString();
  return { code, stdout: text('stdout'), stderr: text('stderr') };
}

const lines = (text) => text.split('\n').filter((line) => line !== '');
const items = (text) => lines(text).filter((line) => line.startsWith('{"kind"'));

async function cat(...args) {
  const { code, stdout, stderr } = await feed(['cat', ...args]);
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return lines(stdout);
}

async function convert(...args) {
  const { code, stderr } = await feed(['convert', ...args]);
  assert.equal(code, 0, stderr);
}

/** splitmix32 with a fixed seed. */
function makeRandom(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) % below;
  };
}

const symbols = ['A', 'BTC-USD', 'XBT/USD', 'a,b', 'say "x"', 'back\\slash', 'Ümläut €', '*'];
const sources = ['alpha', 'b,c', '"'];

/** Items as a recording has them: every optional part comes and goes; seq counts. */
function makeItems(count, { seed = 1, from = 1_700_000_000_000_000, order = true } = {}) {
  const random = makeRandom(seed);
  const seqs = new Map();
  const decimal = () => {
    const digits = random(9);
    const whole = String(random(4) === 0 ? 0 : 1 + random(2 ** 31));
    const sign = random(20) === 0 ? '-' : '';
    return sign + whole + (digits ? `.${String(random(10 ** digits)).padStart(digits, '0')}` : '');
  };
  let at = from;
  return Array.from({ length: count }, () => {
    at += order ? random(2000) : random(4000) - 1000;
    const kind = random(2) ? 'trade' : 'quote';
    const item = { kind, symbol: symbols[random(8)], source: sources[random(3)] };
    const stream = JSON.stringify(item);
    seqs.set(stream, (seqs.get(stream) ?? 0) + 1);
    item.seq = seqs.get(stream);
    if (random(3)) item.ts = at - random(1_000_000);
    item.recv = at;
    if (kind === 'trade') {
      item.price = decimal();
      if (random(5)) item.size = decimal();
      if (random(5)) item.side = random(2) ? 'buy' : 'sell';
    } else {
      const side = random(3);
      if (side !== 0) item.bid = decimal();
      if (side !== 0 && random(3)) item.bid_size = decimal();
      if (side !== 1) item.ask = decimal();
      if (side !== 1 && random(3)) item.ask_size = decimal();
    }
    return JSON.stringify(item);
  });
}

function recording(list, path = fresh()) {
  writeFileSync(path, ['{"pricecast":1}', ...list].map((line) => `${line}\n`).join(''));
  return path;
}

/** RFC 4180, as any other program reads it. */
function parseCsv(text) {
  const cell = /("(?:[^"]|"")*"|[^,\n]*)([,\n])/g;
  const rows = [[]];
  for (const [, value, end] of text.matchAll(cell)) {
    rows.at(-1).push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === '\n') rows.push([]);
  }
  rows.pop();
  const [head, ...data] = rows;
  return data.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}

// ---- convert ----

test('keeps every event through every packing', async () => {
  const list = makeItems(5000);
  let from = recording(list);
  for (const ending of ['.zst', '.gz', '.jsonl', '.jsonl.zst', '.zst', '.jsonl']) {
    const to = fresh(ending);
    await convert(from, '-o', to);
    from = to;
  }
  assert.deepEqual(items(readFileSync(from, 'utf8')), list);
  assert.deepEqual(await cat(from), list);
});

test('keeps what CSV can hold, character for character', async () => {
  const list = makeItems(3000, { seed: 2 });
  const out = fresh('.csv');
  await convert(recording(list), '-o', out);
  const columns = ['ts', 'recv', 'symbol', 'source', 'kind', 'price', 'size', 'side', 'bid',
    'bid_size', 'ask', 'ask_size'];
  assert.equal(readFileSync(out, 'utf8').split('\n')[0], columns.join(','));
  const want = list.map((line) => {
    const item = JSON.parse(line);
    return Object.fromEntries(columns.map((name) => [name, String(item[name] ?? '')]));
  });
  assert.deepEqual(parseCsv(readFileSync(out, 'utf8')), want);
  const packed = fresh('.csv.gz');
  await convert(recording(list), '-o', packed);
  assert.equal(gunzipSync(readFileSync(packed)).toString(), readFileSync(out, 'utf8'));
});

test('CSV can be read again', async () => {
  const list = makeItems(2000, { seed: 10 })
    .map((line) => JSON.parse(line))
    .filter(({ symbol }) => symbol.startsWith('B') || symbol === 'a,b');
  const path = recording(list.map((item) => JSON.stringify(item)));
  const out = fresh('.csv.gz');
  await convert(path, '-o', out);
  assert.deepEqual(await cat(out), await cat(path));
});

test('OUT may have any name and any of both formats, or be stdout', async () => {
  const list = makeItems(10);
  const path = recording(list);
  const csv = (await feed(['convert', path, '-o', '-', '--as', 'csv'])).stdout;
  assert.equal(parseCsv(csv).length, 10);
  assert.equal((await feed(['convert', path, '--output=-', '--to', 'csv'])).stdout, csv);
  const odd = fresh('.csv');
  await convert(path, '-o', odd, '--as', 'native');
  assert.deepEqual(await cat(odd), list);
  const merged = fresh('.csv');
  assert.equal((await feed(['merge', path, '-o', merged])).code, 0);
  assert.deepEqual(await cat(merged), list);
});

test('reads other formats and gives the same events afterwards', async () => {
  const out = fresh('.zst');
  await convert(fixture('binance.capture'), '-o', out);
  assert.deepEqual(await cat(out), await cat(fixture('binance.capture')));
  assert.deepEqual(
    (await cat(`file:${fixture('binance.capture')}?symbol=S&source=x`)).map((line) => {
      const { symbol, source } = JSON.parse(line);
      return symbol + source;
    }),
    Array(5).fill('Sx'),
  );
});

test('the same input makes the same bytes', async () => {
  const path = recording(makeItems(20000, { seed: 3 }));
  const [a, b] = [fresh('.zst'), fresh('.zst')];
  await convert(path, '-o', a);
  await convert(path, '-o', b);
  assert.ok(readFileSync(a).equals(readFileSync(b)));
});

test('merges by time, then by the order of naming, then by that in the file', async () => {
  const files = [4, 5, 6].map((seed) => {
    const list = makeItems(700, { seed }).map((line) => JSON.parse(line));
    // Coarse times, so that many are equal.
    for (const item of list) item.recv -= item.recv % 20000;
    return list.map((item) => ({ ...item, source: `s${seed}` }));
  });
  const all = files.flat();
  const want = all.map((item, i) => [item.recv, i]).sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .map(([, i]) => all[i]);
  const paths = files.map((list) => recording(list.map((item) => JSON.stringify(item))));
  const out = fresh('.gz');
  await convert(...paths, '-o', out);
  const got = (await cat(out)).map((line) => JSON.parse(line));
  const plain = ({ seq, ...rest }) => rest;
  assert.deepEqual(got.map(plain), want.map(plain));
  assert.deepEqual(await cat(...paths), await cat(out));
});

test('sorts within --reorder-window, and tells how many came later than that', async () => {
  const seconds = [10, 12, 11, 14, 13, 20, 15, 21];
  const path = recording(seconds.map((second) => JSON.stringify({
    kind: 'trade', symbol: 'A', source: 'x', seq: 1, recv: second * 1e6, price: `${second}`,
  })));
  const order = (text) => items(text).map((line) => Number(JSON.parse(line).price));
  assert.deepEqual(order((await feed(['cat', path])).stdout), seconds);
  const { code, stdout, stderr } = await feed(['cat', path, '--reorder-window', '2s']);
  assert.deepEqual(order(stdout), [10, 11, 12, 13, 14, 15, 20, 21]);
  assert.deepEqual([code, stderr], [0, '']);
  const narrow = await feed(['cat', path, '--reorder-window', '1500ms']);
  assert.deepEqual(order(narrow.stdout), [10, 11, 12, 13, 14, 15, 20, 21]);
  const late = recording([30, 40, 20, 50].map((second) => JSON.stringify({
    kind: 'trade', symbol: 'A', source: 'x', seq: 1, recv: second * 1e6, price: `${second}`,
  })));
  const told = await feed(['cat', late, '--reorder-window', '2']);
  assert.deepEqual(order(told.stdout), [30, 20, 40, 50]);
  assert.match(told.stderr, /1 events came later than --reorder-window allows\n$/);
});

test('standard input can have keys, and be there once', async () => {
  const input = '7;1.50;1700000000\n';
  const spec = '-?columns=-,price,ts&symbol=A&source=x&delimiter=;';
  const out = execFileSync(program, ['cat', spec], { input, encoding: 'utf8' });
  assert.equal(out, '{"kind":"trade","symbol":"A","source":"x","seq":1,"ts":1700000000000000,"price":"1.50"}\n');
  const { code, stderr } = await feed(['cat', '-', spec]);
  assert.equal(code, 2);
  assert.match(stderr, /: there is only one standard input\n$/);
});

test('keys that only CSV takes say that it is CSV', async () => {
  const path = fresh('.txt');
  writeFileSync(path, '7 1.50 "A" 1700000000\n8 2.50 "B" 1700000001\n');
  assert.match((await feed(['cat', path])).stderr, /format not recognised/);
  const list = await cat(`file:${path}?columns=-,price,symbol,ts&delimiter=%20`);
  assert.deepEqual(list.map((line) => JSON.parse(line)).map(({ symbol, ts, price }) =>
    [symbol, ts, price]), [['A', 1.7e15, '1.50'], ['B', 1700000001e6, '2.50']]);
});

test('lines have a limit that can be moved', async () => {
  const pad = 'x'.repeat(20000);
  const path = recording([JSON.stringify({
    kind: 'trade', symbol: 'A', source: 'x', seq: 1, recv: 5, price: '1', pad,
  })]);
  assert.equal((await cat(path)).length, 1);
  const { code, stdout, stderr } = await feed(['cat', path, '--max-line-bytes', '10000']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr,
    /:2: longer than 10000 bytes \(--max-line-bytes\); .*\n.*no trades or quotes in 2 lines/);
});

test('a header without a price behind it says so, and is no failure of any command', async () => {
  const table = fresh('.csv');
  writeFileSync(table, 'exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n');
  const says = /no trades or quotes in 1 lines \(format \w+; 0 ignored, 0 bad\); they are /;
  for (const path of [recording([]), table]) {
    const out = fresh('.zst');
    for (const args of [['cat', path], ['info', path], ['convert', path, '-o', out],
      ['merge', path, '-o', out, '--force'], ['cat', out]]) {
      const { code, stdout, stderr } = await feed(args);
      assert.equal(code, 0, `${args}: ${stderr}`);
      assert.match(stdout + stderr, says);
    }
    const { events, whole } = JSON.parse((await feed(['info', '--json', out])).stdout);
    assert.deepEqual([events, whole], [0, true]);
  }
  assert.match((await feed(['--help'])).stdout, /A header without a\nprice behind it is a whole rec/);
});

test('a file of which nothing can be used is a failure, a recording of a quiet time is not', async () => {
  const path = fresh('.capture');
  writeFileSync(path, '1700000000000000000 {"stream":"a@depth","data":{"e":"depthUpdate","s":"A"}}\n'
    .repeat(3));
  for (const command of ['cat', 'info']) {
    const { code, stdout, stderr } = await feed([command, path]);
    assert.equal(code, 1);
    assert.match(stdout + stderr, /no trades or quotes in 3 lines .*made of trade, aggTrade and /);
  }
  const quiet = recording(['{"type":"feed","source":"x","state":"up","ts":1}']);
  for (const command of ['cat', 'info']) assert.equal((await feed([command, quiet])).code, 0);
});

test('what follows packed data and is none breaks the file off, whatever packed it', async () => {
  const list = makeItems(20);
  for (const ending of ['.gz', '.zst']) {
    const path = fresh(ending);
    await convert(recording(list), '-o', path);
    const { size } = statSync(path);
    writeFileSync(path, Buffer.alloc(512), { flag: 'a' });
    assert.deepEqual(await cat(path), list, 'zeros are padding');
    writeFileSync(path, 'junk', { flag: 'a' });
    const { code, stdout, stderr } = await feed(['cat', path]);
    assert.deepEqual([code, lines(stdout)], [1, list]);
    assert.match(stderr, new RegExp(`: something else follows the \\w+ data at byte ${size + 512} \\(`));
    const { whole, events } = JSON.parse((await feed(['info', '--json', path])).stdout);
    assert.deepEqual([whole, events], [false, 20]);
  }
});

test('what needs unpacking or converting first is named', async () => {
  const path = fresh();
  writeFileSync(path, 'PK\u0003\u0004 and so on\n');
  assert.match((await feed(['cat', path])).stderr, /it looks like a zip archive, which has to be unpack/);
  writeFileSync(path, Buffer.from(`${makeItems(3).join('\n')}\n`, 'utf16le'));
  assert.match((await feed(['info', path])).stderr, /it looks like UTF-16 text, which has to be conv/);
});

test('a file may have more streams than the server takes unless told otherwise', async () => {
  const count = 100_100;
  const path = fresh('.csv');
  writeFileSync(path, Array.from({ length: count }, (_, i) => `1700000000,S${i},1.50\n`).join(''));
  const { code, stdout } = await feed(['info', '--json', `file:${path}?columns=ts,symbol,price`]);
  const { events, bad, streams } = JSON.parse(stdout);
  assert.deepEqual([code, events, bad, streams.length], [0, count, 0, count]);
});

test('seq counts from 1 in each stream', async () => {
  const path = recording(makeItems(500, { seed: 7 }));
  const seqs = new Map();
  for (const line of await cat(path, path, '--from', '+0.1s')) {
    const { kind, symbol, source, seq } = JSON.parse(line);
    const stream = [kind, symbol, source].join('\0');
    assert.equal(seq, (seqs.get(stream) ?? 0) + 1);
    seqs.set(stream, seq);
  }
});

test('leaves out what is outside --from and --to', async () => {
  const list = makeItems(1000, { seed: 8 });
  const path = recording(list);
  const packed = fresh('.zst');
  await convert(path, '-o', packed);
  const recv = (line) => JSON.parse(line).recv;
  const first = recv(list[0]);
  const cases = [
    [['--from', '+0.3s', '--to', '+600ms'], first + 300_000, first + 600_000],
    [['--from', String(first + 123_456)], first + 123_456, Infinity],
    [['--to', new Date((first + 500_000) / 1000).toISOString()],
      0, Math.floor((first + 500_000) / 1000) * 1000],
    [['--from', '2001-01-01', '--to', '2002-01-01'], 0, 0],
  ];
  for (const [args, from, to] of cases) {
    const want = list.map(recv).filter((at) => at >= from && at < to);
    assert.deepEqual((await cat(path, ...args)).map(recv), want);
    assert.deepEqual((await cat(packed, ...args)).map(recv), want);
  }
});

test('reads stdin', async () => {
  const list = makeItems(20);
  const path = fresh('.gz');
  writeFileSync(path, gzipSync(list.join('\n')));
  const child = spawn('sh', ['-c', 'cat "$1" | "$0" cat -', program, path]);
  let stdout = '';
  child.stdout.on('data', (chunk) => { stdout += chunk; });
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.deepEqual(lines(stdout), list);
});

// ---- what can go wrong ----

test('never writes over a file unless told to', async () => {
  const path = recording(makeItems(50));
  const out = fresh();
  writeFileSync(out, 'precious');
  const { code, stderr } = await feed(['convert', path, '-o', out]);
  assert.equal(code, 1);
  assert.match(stderr, /: the file exists; --force writes over it\n$/);
  assert.equal(readFileSync(out, 'utf8'), 'precious');
  await convert(path, '-o', out, '--force');
  assert.equal((await cat(out)).length, 50);
  await convert(out, '-o', out, '--force');
  assert.equal((await cat(out)).length, 50);
  assert.ok(!existsSync(`${out}.part`));
});

test('what a killed run left does not stand in the way for ever', async () => {
  const path = recording(makeItems(5));
  const out = fresh();
  writeFileSync(`${out}.part`, 'half');
  const { code, stderr } = await feed(['convert', path, '-o', out]);
  assert.equal(code, 1);
  assert.match(stderr, /\.part: the file exists/);
  await convert(path, '-o', out, '--force');
  assert.ok(!existsSync(`${out}.part`));
});

test('a file that breaks off gives what is whole, and exit code 1', async () => {
  const list = makeItems(2000, { seed: 9 });
  const whole = gzipSync(list.map((line) => `${line}\n`).join(''));
  const path = fresh('.gz');
  writeFileSync(path, whole.subarray(0, whole.length - 2000));
  const out = fresh();
  const { code, stderr } = await feed(['convert', path, '-o', out]);
  assert.equal(code, 1);
  assert.match(stderr, /gzip data ends early at byte \d+/);
  const kept = items(readFileSync(out, 'utf8'));
  assert.ok(kept.length > 1000 && kept.length < 2000);
  assert.deepEqual(kept, list.slice(0, kept.length));
  assert.equal((await feed(['cat', path])).code, 1);
});

test('bad lines are reported and left out', async () => {
  const list = makeItems(5);
  const path = recording([list[0], 'nonsense', '{}', list[1]]);
  const { code, stdout, stderr } = await feed(['cat', path]);
  assert.equal(code, 0);
  assert.equal(lines(stdout).length, 2);
  assert.match(stderr, /:3: bad JSON.*; further bad lines are only counted\n.*: 2 of 5 lines were bad/);
});

test('a full disk leaves nothing behind', async () => {
  const path = recording(makeItems(20000));
  const out = fresh();
  const limited = 'ulimit -f 64; exec "$@"';
  const child = spawn('sh', ['-c', limited, 'sh', program, 'convert', path, '-o', out]);
  let stderr = '';
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(stderr, /: File too large\n$/);
  assert.ok(!existsSync(out) && !existsSync(`${out}.part`));
});

test('what is no file is written to, and stays what it is', async () => {
  const path = recording(makeItems(300));
  const { stdout: wanted } = await feed(['convert', path, '-o', '-']);
  const pipe = fresh('.pipe');
  execFileSync('mkfifo', [pipe]);
  for (const force of [[], ['--force']]) {
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
    let read = '';
    reader.stdout.on('data', (chunk) => { read += chunk; });
    const closed = once(reader, 'close');
    const { code } = await feed(['convert', path, '-o', pipe, ...force]);
    await closed;
    assert.deepEqual([code, read], [0, wanted]);
    assert.ok(statSync(pipe).isFIFO() && !existsSync(`${pipe}.part`));
  }
  const { code, stderr } = await feed(['convert', path, '-o', tmpdir(), '--force']);
  assert.equal(code, 1);
  assert.match(stderr, /: Is a directory\n$/);
});

test('an interrupt leaves no half file', async () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    const out = fresh('.zst');
    const pipe = fresh('.pipe');
    execFileSync('mkfifo', [pipe]);
    const child = spawn(program, ['convert', pipe, '-o', out], { stdio: 'ignore' });
    const writer = createWriteStream(pipe);
    writer.on('error', () => {}); // its reader dies
    writer.write(`${makeItems(5000).join('\n')}\n`);
    while (!existsSync(`${out}.part`)) {
      assert.equal(child.exitCode, null);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill(signal);
    const [code, by] = await once(child, 'exit');
    assert.deepEqual([code, by], [null, signal]);
    writer.destroy();
    assert.ok(!existsSync(out) && !existsSync(`${out}.part`));
  }
});

test('says nothing when the reader of stdout has seen enough', async () => {
  const path = recording(makeItems(20000));
  for (const args of [['cat', path], ['convert', path, '-o', '-']]) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'close');
    assert.equal(stderr, '');
    assert.equal(code, 0);
  }
});

// ---- info ----

const info = async (...args) => {
  const { code, stdout } = await feed(['info', '--json', ...args]);
  return { code, reports: lines(stdout).map((line) => JSON.parse(line)) };
};

test('info counts what a recording holds', async () => {
  const at = 1_700_000_000_000_000;
  const item = (us, more = {}) => JSON.stringify({
    kind: 'trade', symbol: 'A', source: 'x', ts: at + us - 5, recv: at + us, price: '1', ...more,
  });
  const disorder = { out_of_order: 1, out_of_order_us: 500_000 };
  const path = recording([
    item(0), item(0), item(0, { price: '2' }), // one exact duplicate
    item(900_000), item(4_000_000), item(3_500_000), // half a second back
    item(10_000_000, { symbol: 'B', ts: undefined }), 'junk', '{"type":"feed"}', 'more junk',
  ]);
  const { code, reports: [report] } = await info(path);
  assert.equal(code, 0);
  assert.deepEqual(report, {
    file: path,
    format: 'native',
    sure: 100,
    encoding: 'plain',
    bytes: statSync(path).size,
    lines: 11,
    events: 7,
    ignored: 1,
    bad: 2,
    first_bad: report.first_bad,
    whole: true,
    notes: [],
    recv: { events: 7, first: at, last: at + 10_000_000, ...disorder },
    ts: { events: 6, first: at - 5, last: at + 3_999_995, ...disorder },
    ...disorder,
    duplicates: 1,
    duration_s: 10,
    events_per_s: 0.7,
    peak: { events_per_s: 4, at },
    gaps: [
      { from: at + 4_000_000, to: at + 10_000_000, us: 6_000_000 },
      { from: at + 900_000, to: at + 4_000_000, us: 3_100_000 },
      { from: at, to: at + 900_000, us: 900_000 },
    ],
    streams: [
      { kind: 'trade', symbol: 'A', source: 'x', events: 6 },
      { kind: 'trade', symbol: 'B', source: 'x', events: 1 },
    ],
  });
  assert.match(report.first_bad, /:9: bad JSON/);
});

test('info is readable, for every file named', async () => {
  const path = recording(makeItems(3000));
  const packed = fresh('.zst');
  await convert(path, '-o', packed);
  const { code, stdout, stderr } = await feed(['info', path, fixture('binance.capture'), packed]);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /\n {2}format +native \(\d+ % sure\), zstd, /);
  assert.match(stdout, /\n {2}format +binance \(\d+ % sure\), plain, /);
  assert.match(stdout, /\n {2}lines +3,001: 3,000 events, 0 lines ignored, 0 bad\n/);
  assert.match(stdout, /\n {2}replay takes +\d\.\d{3} s at 1x; /);
});

test('info says where a file breaks off', async () => {
  const path = fresh('.zst');
  const packed = fresh('.zst');
  await convert(recording(makeItems(3000)), '-o', packed);
  writeFileSync(path, readFileSync(packed).subarray(0, -5));
  const { code, reports: [report] } = await info(path);
  assert.equal(code, 1);
  assert.equal(report.whole, false);
  assert.match(report.notes[0], /zstd data ends early at byte \d+/);
});

// ---- arguments ----

test('refuses bad arguments with exit code 2 and one line', async () => {
  const path = recording(makeItems(2));
  const out = fresh();
  const refusals = [
    [[], /allowed are the commands info, convert, merge and cat/],
    [['nonsense', path], /nonsense: allowed are the commands/],
    [['cat'], /cat: no FILE; allowed: PATH, file:/],
    [['convert', path], /convert needs -o OUT/],
    [['cat', path, '-o', out], /cat takes no --output\n/],
    [['info', path, '--from', '+1s'], /info takes no --from\n/],
    [['merge', path, '-o', out, '--as', 'csv'], /merge takes no --as\n/],
    [['cat', path, '--from', 'yesterday'], /--from yesterday: allowed is an ISO time/],
    [['convert', path, '-o', out, '--as', 'xml'], /--as xml: allowed is native\|csv/],
    [['cat', 'sim:?seed=1'], /sim:\?seed=1: allowed: PATH, file:PATH\?key=value&…, or -/],
    [['cat', `file:${path}?nonsense=1`], /\.jsonl: unknown key "nonsense"; allowed: format/],
    [['cat', path, `file:${path}?offset=1e3`], /\.jsonl: offset=1e3: allowed: a duration such as 1\.5s/],
    [['cat', `file:${path}?offset=-900000h`], /offset=-900000h: allowed: .*, up to 100 years/],
    [['cat', `file:${path}?format=native&format=native`], /key "format" is there twice/],
    [['cat', `file:${path}?format=nonsense`], /unknown format "nonsense"/],
    [['convert', path, '-o', ''], /--output : allowed is any text of at least one character\n$/],
    [['cat', path, '--nonsense'], /unknown option --nonsense/],
  ];
  for (const [args, message] of refusals) {
    const { code, stdout, stderr } = await feed(args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, message);
    assert.equal(lines(stderr).length, 1);
  }
  assert.ok(!existsSync(out));
});

test('what cannot be read fails with exit code 1', async () => {
  for (const args of [['cat', '/nonexistent'], ['info', folder], ['cat', '/dev/null']]) {
    const { code, stdout, stderr } = await feed(args);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.equal(lines(stderr).length, 1);
  }
});

test('answers --help and --version', async () => {
  const help = await feed(['--help']);
  assert.equal(help.code, 0);
  for (const word of ['info', 'convert', 'merge', 'cat', 'ts,recv,symbol', 'Exits 0'])
    assert.ok(help.stdout.includes(word), word);
  assert.match((await feed(['--version'])).stdout, /^pricecast-feed \d+\.\d+\.\d+\n$/);
});

test('leaves nothing else in the folder', () => {
  assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith('.part')), []);
});
