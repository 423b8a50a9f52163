// Live sources, with upstreams on this machine: connecting, subscribing, losing and finding the
// connection, TLS, another pricecast, and lines from elsewhere.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  feedStatus, lineSocket, selfSigned, standardInput, Upstream, writeLines,
} from '../support/live.mjs';
import {
  itemsOf, recording, run, sourceDir, startServer, temporaryFolder, trade, within,
} from '../support/server.mjs';

const every = '?symbols=*&mode=every';
const isState = (state) => (message) => message.type === 'feed' && message.state === state;
const statesOf = (read) => read.filter(({ type }) => type === 'feed').map(({ state }) => state);
const hasItems = (count) => {
  let seen = 0;
  return (message) => {
    seen += message.data?.length ?? 0;
    return seen >= count;
  };
};
const match = (sequence, price) => ({
  type: 'match', trade_id: sequence, side: 'sell', size: '2', price, product_id: 'BTC-USD',
  sequence, time: '2026-08-09T21:05:48.600001Z',
});
const coinbase = (upstream, more = '') =>
  ['--feed', `${upstream.url}/?format=coinbase&symbols=BTC-USD,ETH-USD${more}`];

// ---- an exchange ----

test('an upstream is subscribed to, and its events arrive as live ones', async (t) => {
  const upstream = await Upstream.start(t);
  const before = Date.now() * 1000;
  const server = await startServer(t, coinbase(upstream, '&token=a%26b'));
  const connection = await upstream.connection();
  assert.equal(connection.url, '/?token=a%26b');
  assert.equal(connection.headers.host, `127.0.0.1:${upstream.port}`);
  assert.deepEqual((await connection.said()).product_ids, ['BTC-USD', 'ETH-USD']);
  const client = await server.client(every);
  assert.equal(client.hello.mode, 'live');
  connection.send(match(1, '61837.63000000'));
  const read = await client.until(hasItems(1));
  assert.deepEqual(read.filter(({ type }) => type === 'feed').map(({ source, state }) =>
    [source, state]), [['coinbase', 'up']]);
  const [item] = itemsOf(read, 'update');
  const { recv, ...rest } = item;
  assert.deepEqual(rest, {
    kind: 'trade', symbol: 'BTC-USD', source: 'coinbase', seq: 1, ts: 1786309548600001,
    price: '61837.63000000', size: '2', side: 'buy',
  });
  assert.ok(recv >= before && recv <= Date.now() * 1000 + 1000, 'received by us, now');
  const status = await feedStatus(server, ({ events }) => events === 1);
  assert.ok(!JSON.stringify(status).includes('token'), 'a token is not shown');
});

test('Kraken, version 2: asked in its words, numbers as written, down and back', async (t) => {
  const upstream = await Upstream.start(t);
  const feed = `${upstream.url}/v2?format=kraken2&symbols=BTC/USD,ETH/USD`;
  const server = await startServer(t, ['--feed', feed]);
  const client = await server.client(every);
  const ticker = '{"channel":"ticker","type":"snapshot","data":[{"symbol":"ETH/USD","bid":1.10,' +
    '"bid_qty":3.00000000,"ask":1.20,"ask_qty":4,"last":1.15,"volume":7.5,"vwap":1.1,"low":1.0,' +
    '"high":1.3,"change":0.1,"change_pct":1.2}]}';
  const trades = (type, ...entries) => `{"channel":"trade","type":"${type}","data":[${entries}]}`;
  const deal = (side, price, qty, id) => `{"symbol":"BTC/USD","side":"${side}","price":${price},` +
    `"qty":${qty},"ord_type":"market","trade_id":${id},"timestamp":"2026-08-09T21:05:48.600001Z"}`;
  for (let round = 1; round <= 2; round++) {
    const connection = await upstream.connection();
    assert.equal(connection.url, '/v2');
    const asked = [await connection.said(), await connection.said()];
    assert.deepEqual(asked.map(({ method, params }) => [method, params.channel, params.symbol]), [
      ['subscribe', 'trade', ['BTC/USD', 'ETH/USD']],
      ['subscribe', 'ticker', ['BTC/USD', 'ETH/USD']],
    ]);
    connection.send('{"channel":"status","type":"update","data":[{"system":"online",' +
      '"api_version":"v2","connection_id":18446744073709551615,"version":"2.0.9"}]}');
    for (const symbol of ['BTC/USD', 'ETH/USD'])
      connection.send('{"method":"subscribe","result":{"channel":"trade","snapshot":false,' +
        `"symbol":"${symbol}"},"success":true,"time_in":"2026-08-09T21:05:48.1Z",` +
        '"time_out":"2026-08-09T21:05:48.2Z"}');
    connection.send(trades('snapshot', deal('buy', '1.0', '1.0', 1)));
    connection.send('{"channel":"heartbeat"}');
    connection.send(ticker);
    connection.send(trades('update', deal('sell', '64000.10', '0.00500000', 2 * round),
      deal('buy', '64000.2', '1', 2 * round + 1)));
    const items = itemsOf(await client.until(hasItems(3)));
    assert.deepEqual(items.map(({ recv, ...rest }) => rest), [
      { kind: 'quote', symbol: 'ETH/USD', source: 'kraken', seq: round, bid: '1.10',
        bid_size: '3.00000000', ask: '1.20', ask_size: '4' },
      { kind: 'trade', symbol: 'BTC/USD', source: 'kraken', seq: 2 * round - 1,
        ts: 1786309548600001, price: '64000.10', size: '0.00500000', side: 'sell' },
      { kind: 'trade', symbol: 'BTC/USD', source: 'kraken', seq: 2 * round,
        ts: 1786309548600001, price: '64000.2', size: '1', side: 'buy' },
    ]);
    connection.drop();
    await client.until(isState('down'));
  }
  const status = await feedStatus(server, ({ lines }) => lines === 14);
  assert.deepEqual([status.events, status.ignored, status.bad], [6, 10, 0]);
  assert.ok(status.reconnects >= 1); // it may be connected for the third time
});

test('the status and the metrics tell of the link, of what was missed, and of recording', async (t) => {
  const upstream = await Upstream.start(t);
  const record = join(temporaryFolder(t), 'out.ndjson');
  const server = await startServer(t, [...coinbase(upstream), '--record', record]);
  const connection = await upstream.connection();
  const client = await server.client(every);
  connection.send(match(1, '1'));
  connection.send(match(5, '2'));
  await client.until(hasItems(2));
  const up = await feedStatus(server, ({ gaps }) => gaps === 3);
  assert.deepEqual([up.live, up.link, up.reconnects], [true, 'up', 0]);
  connection.drop();
  await upstream.connection('a second connection');
  await feedStatus(server, ({ link, reconnects }) => link === 'up' && reconnects === 1);
  upstream.stop();
  await feedStatus(server, ({ link }) => link === 'down');
  const { json } = await server.http('/api/v1/status');
  const { bytes, ...recorder } = json.recorder;
  assert.deepEqual(recorder, { events: 2, missed: 0, parts: 1, failed: false });
  assert.ok(bytes > 0);
  const metrics = (await server.http('/metrics')).body;
  const name = `{feed="${upstream.url}/"}`;
  for (const line of [
    `pricecast_feed_up${name} 0`, `pricecast_feed_reconnects_total${name} 1`,
    `pricecast_feed_gaps_total${name} 3`, `pricecast_feed_lines_total${name} 2`,
    'pricecast_recorder_events_total 2', 'pricecast_recorder_missed_total 0',
    'pricecast_recorder_parts_total 1', 'pricecast_recorder_failed 0',
  ])
    assert.ok(metrics.split('\n').includes(line), `${line} in\n${metrics}`);
});

test('a lost connection is down until there are prices again, and is subscribed to anew', async (t) => {
  const upstream = await Upstream.start(t);
  const server = await startServer(t, coinbase(upstream));
  const client = await server.client(every);
  const asked = [];
  for (let round = 1; round <= 3; round++) {
    const connection = await upstream.connection();
    asked.push(await connection.said());
    connection.send(match(round * 10, `${round}`));
    const read = await client.until(hasItems(1));
    const at = read.findIndex(isState('up'));
    assert.ok(at >= 0 && at < read.findIndex(({ data }) => data?.length > 0), 'up comes first');
    connection.drop();
    await client.until(isState('down'));
    const late = await server.client();
    assert.deepEqual(statesOf(await late.until(isState('down'))), ['down'], 'who comes later is told too');
  }
  assert.deepEqual(asked[1], asked[0]);
  assert.deepEqual(asked[2], asked[0]);
  await server.stderrLine(/ connected$/);
});

test('an upstream that is not there is waited for', async (t) => {
  const gone = await Upstream.start(t);
  gone.stop();
  const server = await startServer(t, coinbase(gone));
  await server.stderrLine(/no connection: Connection refused; trying again/);
  const client = await server.client(every);
  assert.deepEqual(statesOf(await client.until(isState('down'))), ['down']);
  const upstream = await Upstream.start(t, { port: gone.port });
  const connection = await upstream.connection();
  connection.send(match(1, '1'));
  const read = await client.until(hasItems(1));
  assert.equal(read.filter(isState('up')).length, 1);
});

test('an upstream that asks to be left is left for a new connection', async (t) => {
  const upstream = await Upstream.start(t);
  const feed = `${upstream.url}/?format=bitstamp&symbols=${['a', 'b', 'c', 'd', 'e', 'f']}`;
  await startServer(t, ['--feed', feed]);
  for (let round = 0; round < 2; round++) {
    const connection = await upstream.connection();
    const channels = [];
    for (let i = 0; i < 6; i++) channels.push((await connection.said()).data.channel);
    assert.deepEqual(channels, ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `live_trades_${name}`));
    const closed = once(connection.socket, 'close');
    connection.send({ event: 'bts:request_reconnect', channel: '', data: '' });
    await closed;
  }
});

test('an upstream that answers pings may be quiet; one that does not is left', async (t) => {
  const quiet = await Upstream.start(t);
  const deaf = await Upstream.start(t, { autoPong: false });
  // Whoever is pinged twice was not left after the first. If our own answer was late, it comes again.
  const pingedTwice = new Promise((resolve) => {
    quiet.sockets.on('connection', (socket) => {
      let pings = 0;
      socket.on('ping', () => ++pings === 2 && resolve());
    });
  });
  deaf.sockets.on('connection', (socket) => {
    let pings = 0;
    socket.on('ping', () => assert.equal(++pings, 1, 'the deaf one was not left'));
  });
  await startServer(t, [...coinbase(quiet, '&stall=1'), ...coinbase(deaf, '&stall=1')]);
  await deaf.connection();
  await deaf.connection('a new connection after a second of silence');
  await within(pingedTwice, 'two pings on one connection');
});

test('an upstream that never finishes the handshake is given up, and the rest goes on', async (t) => {
  const { createServer } = await import('node:net');
  const mute = createServer(() => {}).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => mute.close());
  const path = join(temporaryFolder(t), 'socket');
  const { port } = mute.address();
  const accepted = once(mute, 'connection');
  const server = await startServer(t, [
    '--feed', `ws://127.0.0.1:${port}/?format=pricecast`, '--feed', `unix:${path}`,
  ]);
  const [socket] = await accepted;
  const client = await server.client(every);
  writeLines(await lineSocket(t, path), trade('A', 1));
  await client.until(hasItems(1));
  socket.destroy();
  await server.stderrLine(/no connection: .*; trying again/);
});

test('messages come in pieces, and those above the limit are passed over', async (t) => {
  const upstream = await Upstream.start(t);
  const server = await startServer(t, [...coinbase(upstream), '--max-line-bytes', '200000']);
  const client = await server.client(every);
  const connection = await upstream.connection();
  const padded = (bytes, price) => JSON.stringify({ ...match(1, price), pad: 'x'.repeat(bytes) });
  connection.send(padded(190000, '1'));
  connection.send(padded(210000, '2'));
  connection.socket.send(Buffer.from('binary'));
  const text = padded(100000, '3');
  for (let at = 0; at < text.length; at += 7001)
    connection.socket.send(text.slice(at, at + 7001), { fin: at + 7001 >= text.length });
  const items = itemsOf(await client.until(hasItems(2)));
  assert.deepEqual(items.map(({ price }) => price), ['1', '3']);
  await feedStatus(server, ({ bad, events }) => bad === 2 && events === 2);
  await server.stderrLine(/a message is too long; further bad ones are only counted/);
});

// ---- TLS ----

test('a certificate that nobody vouches for is refused, unless its file is given', async (t) => {
  const tls = selfSigned(t, 'localhost');
  const upstream = await Upstream.start(t, { tls });
  const feed = (more) => `wss://localhost:${upstream.port}/?format=coinbase&symbols=A${more}`;
  const wary = await startServer(t, ['--feed', feed('')]);
  await wary.stderrLine(/its certificate is refused: self.signed certificate; trying again/);
  assert.equal(upstream.arrived.length, 0, 'nothing was said');
  const server = await startServer(t, ['--feed', feed(`&ca=${encodeURIComponent(tls.file)}`)]);
  const client = await server.client(every);
  const connection = await upstream.connection('a connection that trusts the file');
  await connection.said();
  connection.send(match(1, '1.50'));
  const [item] = itemsOf(await client.until(hasItems(1)));
  assert.equal(item.price, '1.50');
});

test('a certificate made out to another name is refused, unless told to be insecure', async (t) => {
  const tls = selfSigned(t, 'example.test');
  const upstream = await Upstream.start(t, { tls });
  const feed = (more) => `wss://localhost:${upstream.port}/?format=coinbase&symbols=A${more}`;
  const server = await startServer(t, ['--feed', feed(`&ca=${encodeURIComponent(tls.file)}`)]);
  await server.stderrLine(/its certificate is refused: hostname mismatch; trying again/);
  assert.equal(upstream.arrived.length, 0);
  await startServer(t, ['--feed', feed('&insecure=1')]);
  await (await upstream.connection('a connection that does not look')).said();
});

test('a certificate whose time is over is refused', async (t) => {
  const file = join(sourceDir, 'tests/fixtures/expired.pem'); // with its key
  const pem = readFileSync(file);
  const upstream = await Upstream.start(t, { tls: { cert: pem, key: pem } });
  const feed = `wss://localhost:${upstream.port}/?format=coinbase&symbols=A`;
  const server = await startServer(t, ['--feed', `${feed}&ca=${encodeURIComponent(file)}`]);
  await server.stderrLine(/its certificate is refused: certificate has expired; trying again/);
  assert.equal(upstream.arrived.length, 0);
});

// ---- another pricecast ----

test('a relay passes on that the other replay was moved, or began again', async (t) => {
  const file = recording(t, Array.from({ length: 5 }, (_, i) =>
    trade('A', 1000000 * (i + 1), { price: `${i + 1}` })));
  const first = await startServer(t, ['--feed', file, '--start-paused']);
  const relay = await startServer(t, ['--feed', `${first.ws}?format=pricecast&symbols=*`]);
  await feedStatus(relay, ({ lines }) => lines >= 3); // hello, subscribed, what state it is in
  const client = await relay.client(every);
  await first.replay({ action: 'step', count: 3 });
  await client.until(hasItems(3));
  await first.replay({ action: 'seek', to: 2000000 });
  const moved = (await client.until(({ type }) => type === 'snapshot'))
    .filter(({ type }) => type !== 'feed');
  assert.deepEqual(moved.map(({ type, reason }) => [type, reason]),
    [['reset', 'seek'], ['snapshot', undefined]]);
  assert.notEqual(moved[0].epoch, client.hello.epoch);
  assert.deepEqual(moved[1].data.map(({ seq, price }) => [seq, price]), [[1, '1']]);
  await first.replay({ action: 'loop', value: true });
  await first.replay({ action: 'step', count: 5 });
  const looped = await client.until(hasItems(5));
  const at = looped.findIndex(({ reason }) => reason === 'loop');
  assert.deepEqual(itemsOf(looped.slice(0, at)).map(({ seq, price }) => [seq, price]),
    [[2, '2'], [3, '3'], [4, '4'], [5, '5']]);
  assert.deepEqual(itemsOf(looped.slice(at)).map(({ seq, price }) => [seq, price]), [[1, '1']]);
});

test('another pricecast is relayed: its items, its states, its end and its return', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const args = ['--feed', `unix:${path}`];
  const first = await startServer(t, args);
  const lines = await lineSocket(t, path);
  writeLines(lines, trade('A', 1, { source: 'x', price: '1.50' }));
  await feedStatus(first, ({ events }) => events === 1);
  const direct = await first.client(every);
  const [original] = itemsOf(await direct.until(hasItems(1)));

  const feed = `${first.ws}?format=pricecast&symbols=*`;
  const relay = await startServer(t, ['--feed', feed]);
  const client = await relay.client(every);
  const [copy] = itemsOf(await client.until(hasItems(1)));
  assert.deepEqual(copy, original, 'source, times and digits stay');

  writeLines(lines, trade('A', 2, { price: '2' }), trade('B', 3, { source: 'y', price: '3' }));
  const more = itemsOf(await client.until(hasItems(2)), 'update');
  assert.deepEqual(more.map(({ symbol, source, seq, price }) => [symbol, source, seq, price]),
    [['A', 'x', 2, '2'], ['B', 'y', 1, '3']]);

  lines.destroy(); // a state of the other's
  const down = new Set();
  await client.until((message) => {
    if (isState('down')(message)) down.add(message.source);
    return down.size === 2;
  });
  assert.deepEqual([...down].sort(), ['x', 'y']);

  await first.stop();
  const again = await startServer(t, args, { port: first.port });
  writeLines(await lineSocket(t, path), trade('A', 4, { price: '4' }));
  const back = await client.until(hasItems(1));
  assert.equal(back.filter(isState('up')).length, 1);
  const [item] = itemsOf(back);
  assert.deepEqual([item.seq, item.price], [3, '4']);
  const { gaps } = await feedStatus(relay, ({ reconnects }) => reconnects === 1);
  assert.equal(gaps, 0);
  await again.client();
});

test('a relay whose upstream is killed tells its clients', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const first = run(['--listen', '127.0.0.1:0', '--feed', `unix:${path}`]);
  const [url] = /http:\/\/\S+\//.exec(await first.stdoutLine(/listens on/));
  const relay = await startServer(t, ['--feed', `${url.replace('http', 'ws')}ws?format=pricecast`]);
  const client = await relay.client(every);
  writeLines(await lineSocket(t, path), trade('A', 1));
  await client.until(hasItems(1));
  first.child.kill('SIGKILL');
  await client.until(isState('down'));
  await first.ended;
});

// ---- lines ----

test('standard input is a feed, and its end is the end', async (t) => {
  const { options, input } = standardInput(t);
  const server = await startServer(t, ['--feed', '-', '--exit-at-end'], options);
  const client = await server.client(every);
  assert.equal(client.hello.mode, 'live');
  writeLines(input, trade('A', 1, { price: '1.50' }));
  const [item] = itemsOf(await client.until(hasItems(1)));
  assert.equal(item.price, '1.50');
  assert.ok(item.recv > 1600000000000000, 'received by us');
  input.end('{"kind":"trade","symbol":"A","source":"x","price":"2"}'); // no line end
  const rest = await client.until(isState('ended'));
  assert.deepEqual(itemsOf(rest).map(({ price }) => price), ['2']);
  const { code, stderr } = await server.ended;
  assert.equal(code, 0);
  assert.match(stderr.join('\n'), /the feeds have ended: 2 events$/m);
});

test('a file on standard input is read to its end', async (t) => {
  const { writeFileSync } = await import('node:fs');
  const file = join(temporaryFolder(t), 'lines');
  const lines = Array.from({ length: 5000 }, (_, i) => JSON.stringify(trade('A', i + 1)));
  writeFileSync(file, lines.join('\n'));
  const server = await startServer(t, ['--feed', '-'], {
    wrap: ['sh', '-c', 'path=$1; shift; exec "$@" <"$path"', 'sh', file],
  });
  await feedStatus(server, ({ events }) => events === 5000);
});

test('lines come over a Unix socket and over TCP, from several at a time', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const server = await startServer(t, ['--feed', `unix:${path}`, '--feed', 'tcp:0?source=net']);
  const { json } = await server.http('/api/v1/status');
  const name = json.feeds.map((feed) => feed.feed).find((feed) => feed.startsWith('tcp:'));
  const [, host, port] = /^tcp:(.*):(\d+)$/.exec(name);
  assert.equal(host, '127.0.0.1');
  const client = await server.client(every);
  const producers = [
    await lineSocket(t, path), await lineSocket(t, path), await lineSocket(t, Number(port)),
  ];
  producers.forEach((producer, i) =>
    writeLines(producer, trade('A', 1, { source: `s${i}`, price: `${i}` })));
  const items = itemsOf(await client.until(hasItems(3)));
  assert.deepEqual(items.map(({ source, price }) => `${source} ${price}`).sort(),
    ['net 2', 's0 0', 's1 1']);
  producers[0].destroy();
  const [down] = (await client.until(isState('down'))).slice(-1);
  assert.equal(down.source, 's0');
});

// ---- what is refused ----

test('what a live feed cannot be is refused before anything starts', async (t) => {
  const folder = temporaryFolder(t);
  const cases = {
    'ws://h/?format=odd&symbols=A': /format=odd: allowed: .*coinbase.*pricecast/,
    'ws://h/?symbols=A': /format= is missing/,
    'wss://h/?format=coinbase': /symbols= is missing/,
    'ws://h/?format=pricecast&symbols=A&symbols=B': /key "symbols" is there twice \("A", "B"\); allowed/,
    '-?format=native&format=binance': /key "format" is there twice/,
    'ws://h/?format=pricecast&source=x': /takes no source=/,
    'ws://h/?format=pricecast&stall=0': /stall=0: allowed are whole numbers from 1 to 3600/,
    'ws://h/?format=pricecast&insecure=yes': /insecure=yes/,
    [`wss://h/?format=pricecast&ca=${folder}/none`]: /ca=.*No such file/,
    [`wss://h/?format=pricecast&ca=${process.execPath}`]: /ca=.*not a file of PEM certificates/,
    'ws://u@h/?format=pricecast': /no user names/,
    'ws://h:99999/?format=pricecast': /bad port/,
    'tcp:99999': /tcp:PORT/,
    'tcp:::1:80': /IPv6 addresses in brackets/,
    [`unix:${folder}/no/socket`]: /cannot listen: no such file/,
    [`unix:${folder}/x?format=odd`]: /format=odd: allowed: native/,
    'push:?x=1': /it takes no options/,
  };
  for (const [spec, pattern] of Object.entries(cases)) {
    const { ended, output } = run(['--listen', '127.0.0.1:0', '--feed', spec]);
    const { code } = await ended;
    const text = output.stderr.join('\n');
    assert.match(text, pattern, spec);
    assert.ok(text.includes(spec), `${text} names the feed`);
    assert.ok(code === 1 || code === 2, `${spec}: exit status ${code}`);
    assert.equal(output.stdout.length, 0);
  }
  const twice = run(['--listen', '127.0.0.1:0', '--feed', 'push:', '--feed', 'push:']);
  await twice.ended;
  assert.match(twice.output.stderr.join('\n'), /there is one already/);
});

test('a connection refused by the listener of a line source does no harm', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const server = await startServer(t, ['--feed', `unix:${path}`]);
  const sockets = [];
  for (let i = 0; i < 80; i++) {
    const socket = connect(path);
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await server.stderrLine(/a producer was refused: 64 are connected/);
  for (const socket of sockets) socket.destroy();
});
