// The replay while it runs: seek, step, speed, stop, as POST /api/v1/replay offers them, and what the
// clients see of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkSequence, itemsOf, recording, startServer, temporaryFolder, trade,
} from '../support/server.mjs';

const T0 = 1700000000000000;
const second = 1000000;

/** Ten seconds: A every second with the second as its price, B once at the beginning. */
const tenSeconds = [
  trade('B', T0 + 1, { price: '7' }),
  ...Array.from({ length: 10 }, (_, i) => trade('A', T0 + i * second + 2, { price: `${i}` })),
];

/** A client that has its first snapshot. */
async function subscribed(server, query) {
  const client = await server.client(query);
  await client.next('subscribed');
  await client.next('snapshot');
  return client;
}

async function paused(t, args = [], lines = tenSeconds) {
  const server = await startServer(t, [
    '--feed', recording(t, lines), '--start-paused', '--shards', '1', ...args,
  ]);
  return { server, client: await subscribed(server, '?symbols=*&mode=every') };
}

const prices = (message) => message.data.map(({ symbol, price }) => `${symbol} ${price}`);

async function seek(server, to) {
  const { status, json } = await server.replay({ action: 'seek', to });
  assert.equal(status, 200, JSON.stringify(json));
  return json;
}

test('a seek tells how things stood there, in a new epoch, and goes on from there', async (t) => {
  const { server, client } = await paused(t);
  const state = await seek(server, T0 + 5 * second);
  assert.equal(state.state, 'paused');
  const reset = await client.next('reset');
  assert.equal(reset.reason, 'seek');
  assert.notEqual(reset.epoch, client.hello.epoch);
  assert.deepEqual(prices(await client.next('snapshot')), ['B 7', 'A 4']);
  await server.replay({ action: 'step', count: 2 });
  const items = [];
  await client.until((message) => {
    if (message.type === 'update') items.push(...message.data);
    return items.length >= 2;
  });
  assert.deepEqual(items.map(({ price, seq }) => [price, seq]), [['5', 2], ['6', 3]]);
});

test('a seek takes a time in every form, a duration and a percentage', async (t) => {
  const { server, client } = await paused(t);
  const lands = async (to, expected) => {
    await seek(server, to);
    await client.next('reset');
    assert.deepEqual(prices(await client.next('snapshot')).slice(-1), [expected], `${to}`);
  };
  await lands('2023-11-14T22:13:23.5Z', 'A 3');
  await lands('1700000006500', 'A 6');
  await lands('+2s', 'A 8');
  await lands('-5s', 'A 3');
  await lands(T0 + 9 * second, 'A 8');
  await lands('2030-01-01', 'A 9');
  const { json } = await server.http('/api/v1/replay');
  assert.equal(json.state, 'ended');
});

test('a percentage is one of the largest file, also of a compressed one', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.gz');
  const many = Array.from({ length: 20000 }, (_, i) =>
    JSON.stringify(trade('A', T0 + i * 1000, { price: `${i}.${(i * 7919) % 997}` })));
  writeFileSync(path, gzipSync(`{"pricecast":1}\n${many.join('\n')}\n`));
  const server = await startServer(t, ['--feed', path, '--start-paused', '--shards', '1']);
  await seek(server, '50%');
  const { json } = await server.http('/api/v1/latest');
  const at = Number(json.data[0].price.split('.')[0]);
  assert.ok(at > 5000 && at < 19000, `${at}`);
  await seek(server, '0%');
  assert.deepEqual((await server.http('/api/v1/latest')).json.data, []);
  assert.equal((await seek(server, '100%')).state, 'ended');
  assert.match((await server.http('/api/v1/latest')).json.data[0].price, /^19999\./);
});

test('several files seek together', async (t) => {
  const other = recording(t, Array.from({ length: 5 }, (_, i) =>
    trade('C', T0 + 2 * i * second, { price: `${i}` })), 'other.jsonl');
  const { server, client } = await paused(t, ['--feed', other]);
  await seek(server, T0 + 7 * second);
  await client.next('reset');
  assert.deepEqual(prices(await client.next('snapshot')).sort(), ['A 6', 'B 7', 'C 3']);
});

test('a client in mode latest sees the same', async (t) => {
  const { server } = await paused(t);
  const client = await subscribed(server, '?symbols=A&mode=latest&max_rate=100');
  await seek(server, T0 + 3 * second);
  await client.next('reset');
  assert.deepEqual(prices(await client.next('snapshot')), ['A 2']);
  await server.replay({ action: 'speed', value: 'max' });
  await server.replay({ action: 'resume' });
  const read = await client.until((message) => message.data?.some(({ price }) => price === '9'));
  checkSequence(itemsOf(read));
});

test('a replay that has ended plays again after a seek', async (t) => {
  const { server, client } = await paused(t, ['--speed', 'max']);
  await server.replay({ action: 'resume' });
  await client.untilEnded();
  await seek(server, T0 + 8 * second);
  await client.next('reset');
  await client.untilEnded();
});

test('a loop of a part goes on, however often one seeks to its end', async (t) => {
  const items = [0, 1, 50].map((s) => trade('A', T0 + s * 1e6));
  const server = await startServer(t, ['--feed', recording(t, items), '--start-paused', '--loop', '--to', '+10s']);
  for (let i = 0; i < 3; i++) {
    await server.replay({ action: 'seek', to: '100%' });
    await server.untilReplay('paused');
  }
  const client = await server.client('?symbols=A&mode=every&snapshot=false');
  await server.replay({ action: 'resume' });
  await client.until(({ type }) => type === 'update');
});

test('stop ends the replay, and with it a program that was told so', async (t) => {
  const { server, client } = await paused(t, ['--exit-at-end']);
  await server.replay({ action: 'step', count: 1 }); // so that its source is known
  await client.next('update');
  const { status } = await server.replay({ action: 'stop' });
  assert.equal(status, 200);
  await client.untilEnded();
  assert.equal((await server.ended).code, 0);
});

test('speed changes at once, and what was asked for is what was achieved', async (t) => {
  const { server } = await paused(t, ['--exit-at-end', '--speed', '0.001']);
  await server.replay({ action: 'resume' });
  const { json } = await server.replay({ action: 'speed', value: 100 });
  assert.equal(json.speed, 100);
  const report = await server.stderrLine(/the replay has ended/);
  assert.match(report, /11 events at 100x, asked for [0-9.]+s, took [0-9.]+s \(pace [01]\.\d+\)/);
  assert.equal((await server.ended).code, 0);
});

test('what cannot be obeyed is refused and says what is allowed', async (t) => {
  const { server } = await paused(t);
  const refused = async (body, pattern) => {
    const { status, json } = await server.replay(body);
    assert.equal(status, 400, JSON.stringify(body));
    assert.match(json.error.message, pattern);
  };
  await refused({ action: 'jump' }, /pause, resume, seek, speed, step, loop or stop/);
  await refused({ action: 'seek' }, /ISO time/);
  await refused({ action: 'seek', to: '101%' }, /percentage/);
  await refused({ action: 'seek', to: '+3 parsecs' }, /ISO time/);
  await refused({ action: 'speed', value: 0 }, /above 0/);
  await refused({ action: 'speed', value: 'fast' }, /above 0/);
  await refused({ action: 'step', count: 0 }, /above 0/);
  await refused({ action: 'loop', value: 1 }, /true or false/);
});

test('a simulated market has no place to seek to', async (t) => {
  const server = await startServer(t, ['--feed', 'sim:?symbols=2&rate=10']);
  const { status } = await server.replay({ action: 'seek', to: '+1s' });
  assert.equal(status, 409);
});

test('slightly unordered events are sorted within the window, later ones counted', async (t) => {
  const lines = [0, 2, 1, 3, 5, 4, 9, 10, 2, 11].map((at) =>
    trade('A', T0 + at * 1000, { price: `${at}` }));
  const path = recording(t, lines);
  const server = await startServer(t, [
    '--feed', path, '--reorder-window', '3ms', '--speed', 'max', '--wait-clients', '1',
  ]);
  const client = await server.client('?symbols=A&mode=every');
  const read = await client.untilEnded();
  const seen = itemsOf(read).map(({ price }) => Number(price));
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 2, 9, 10, 11]);
  const { json } = await server.http('/api/v1/status');
  assert.equal(json.feeds[0].late, 1);
});

test('an offset moves a clock that is wrong', async (t) => {
  const a = recording(t, [trade('A', T0, { price: '1' }), trade('A', T0 + 2 * second, { price: '3' })]);
  const b = recording(t, [trade('B', T0 + 3601 * second, { price: '2' })], 'b.jsonl');
  const server = await startServer(t, [
    '--feed', a, '--feed', `file:${b}?offset=-1h`, '--speed', 'max', '--wait-clients', '1',
  ]);
  const client = await server.client('?symbols=*&mode=every');
  const items = itemsOf(await client.untilEnded());
  assert.deepEqual(items.map(({ price }) => price), ['1', '2', '3']);
  assert.equal(items[1].recv, T0 + second);
});

test('an item without a time goes along with the one before it', async (t) => {
  const bare = { kind: 'trade', symbol: 'A', source: 'x', price: '2' };
  const path = recording(t, [bare, trade('A', T0), bare, trade('A', T0 + 1000), bare]);
  const server = await startServer(t, ['--feed', path, '--wait-clients', '1', '--exit-at-end']);
  const client = await server.client('?symbols=A&mode=every');
  assert.equal(itemsOf(await client.untilEnded()).length, 5);
  assert.equal((await server.ended).code, 0);
});

test('the figures are there for Prometheus', async (t) => {
  const { server, client } = await paused(t);
  await server.replay({ action: 'step', count: 3 });
  let seen = 0;
  await client.until((message) => (seen += message.data?.length ?? 0) >= 3);
  while ((await server.http('/api/v1/replay')).json.events < 3); // told a moment later
  const { status, body, headers } = await server.http('/metrics');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  const lines = String(body).trim().split('\n');
  for (const line of lines)
    assert.match(line, /^(# (HELP|TYPE) pricecast_\w+ .+|pricecast_\w+(\{.+\})? [0-9.e+-]+)$/);
  assert.ok(lines.some((line) => /^pricecast_feed_events_total\{feed=".+"\} 3$/.test(line)));
  assert.ok(lines.includes('pricecast_sessions 1'));
});

test('without a terminal the progress is logged', async (t) => {
  const server = await startServer(t, ['--feed', 'sim:?symbols=2&rate=100', '--progress', '1']);
  assert.match(await server.stderrLine(/playing 1x/), /events +\d+\/s/);
});

test('the span of the recording, its activity and the recorded clock are told', async (t) => {
  const { server } = await paused(t);
  const ask = async (path) => (await fetch(`${server.url}api/v1/${path}`)).json();
  let outline;
  do outline = await ask('replay/outline'); while (!outline.known);
  const span = { from: T0 + 1, to: T0 + 9 * second + 2, exact: true };
  assert.deepEqual({ from: outline.from, to: outline.to, exact: outline.exact }, span);
  assert.equal(outline.activity.length, 240);
  const lively = outline.activity.filter((part) => part > 0).length; // one second each, some on an edge
  assert.ok(lively >= 10 && lively <= 20, `${lively}`);
  assert.equal(Math.max(...outline.activity), 1);
  const state = await ask('replay');
  assert.deepEqual([state.from, state.to, state.exact, state.control], [span.from, span.to, true, true]);
  assert.equal('rebased' in state, false);
  await server.replay({ action: 'step', count: 3 });
  assert.equal((await ask('replay')).clock, T0 + second + 2);
});

test('with a range only that is told; a rebased replay says so; a simulation has no span', async (t) => {
  const file = recording(t, tenSeconds);
  const server = await startServer(t, ['--feed', file, '--start-paused', '--from', '+2s', '--to', '+5s', '--rebase', 'now']);
  const ask = async (path) => (await fetch(`${server.url}api/v1/${path}`)).json();
  let outline;
  do outline = await ask('replay/outline'); while (!outline.known);
  assert.deepEqual([outline.from, outline.to], [T0 + 1 + 2 * second, T0 + 1 + 5 * second]);
  assert.equal((await ask('replay')).rebased, true);
  const sim = await startServer(t, ['--feed', 'sim:?symbols=2&rate=10']);
  assert.deepEqual(await (await fetch(`${sim.url}api/v1/replay/outline`)).json(), { known: false });
});
