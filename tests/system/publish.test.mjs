// POST /api/v1/publish: prices that are pushed over HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { http, startServer } from '../support/server.mjs';

const publish = (server, body, headers) =>
  http(server, '/api/v1/publish', { method: 'POST', body, headers });

const item = (price, fields = {}) => ({
  kind: 'trade', symbol: 'A', source: 'me', price, size: '2', ...fields,
});

async function open(t) {
  const server = await startServer(t, ['--feed', 'push:', '--shards', '1']);
  const client = await server.client('?symbols=A&mode=every');
  assert.equal(client.hello.mode, 'live');
  await client.next('subscribed');
  await client.next('snapshot');
  return { server, client };
}

test('one event, an array and JSON lines reach the clients in order', async (t) => {
  const { server, client } = await open(t);
  for (const body of [
    JSON.stringify(item('1.50')),
    JSON.stringify([item('1.60'), item('1.70')]),
    `${JSON.stringify(item('1.80'))}\n${JSON.stringify(item('61837.63000000'))}\n`,
  ])
    assert.equal((await publish(server, body)).status, 200);
  const seen = [];
  await client.until((message) => {
    if (message.type === 'update') seen.push(...message.data);
    return seen.length >= 5;
  });
  assert.deepEqual(seen.map(({ seq, price }) => [seq, price]),
    [[1, '1.50'], [2, '1.60'], [3, '1.70'], [4, '1.80'], [5, '61837.63000000']]);
  assert.ok(seen.every(({ recv }) => recv > 1.7e15), 'stamped when received');
});

test('bad items are counted and named, the others published', async (t) => {
  const { server, client } = await open(t);
  const { status, json } = await publish(server,
    JSON.stringify([item('1'), item('NaN'), { kind: 'trade' }, item('2')]));
  assert.equal(status, 200);
  assert.equal(json.accepted, 2);
  assert.equal(json.rejected, 2);
  assert.deepEqual(json.errors.map(({ item: at }) => at), [2, 3]);
  await client.until((message) => message.data?.some(({ price }) => price === '2'));
});

test('limits and strangers are refused', async (t) => {
  const { server } = await open(t);
  for (let i = 0; i < 20; i++) // the answer arrives, although the rest of the body is still on its way
    assert.equal((await publish(server, 'x'.repeat(8 << 20))).status, 413);
  assert.equal((await publish(server, 'x'.repeat((1 << 20) + 1))).status, 413);
  assert.equal((await publish(server, JSON.stringify(item('1')), { Origin: 'http://evil.example' }))
    .status, 403);
  const { json } = await publish(server, 'garbage');
  assert.equal(json.accepted, 0);
  assert.equal(json.rejected, 1);
});

test('without push: among the feeds nothing can be published', async (t) => {
  const server = await startServer(t, ['--feed', 'sim:?symbols=1&rate=1']);
  const { status, json } = await publish(server, JSON.stringify(item('1')));
  assert.equal(status, 409);
  assert.match(json.error.message, /push:/);
});
