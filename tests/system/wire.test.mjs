// What the same prices look like in each encoding.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkSequence, itemsOf, quote, recording, startServer, trade,
} from '../support/server.mjs';

const T0 = 1700000000000000;
const binary = { protocols: ['pricecast.v1.bin'] };

// Decimals of every shape, streams that come up late, names beyond ASCII, fields left out.
function mixedLines(count) {
  const symbols = ['BTC-USD', 'ü€', 'A"B', 'ETH'], lines = [];
  const prices = ['1.50', '61837.63000000', '0.00000001', '-0.00', '18446744073709551615', '7'];
  for (let i = 0; i < count; i++) {
    const symbol = symbols[Math.min(i % 7, Math.floor(i / 50)) % symbols.length];
    const price = prices[(i * 5) % prices.length], size = prices[(i * 3 + 1) % prices.length];
    if (i % 3 === 0) lines.push(trade(symbol, T0 + i * 100, { price, size }));
    else if (i % 3 === 1) lines.push(quote(symbol, T0 + i * 100, { bid: price, ask: size }));
    else lines.push({ kind: 'quote', symbol, source: 'y', recv: T0 + i * 100, ask: price });
  }
  return lines;
}

test('binary says what JSON says', async (t) => {
  const count = 600;
  const server = await startServer(t, [
    '--feed', recording(t, mixedLines(count)), '--speed', 'max', '--start-paused', '--lossless',
  ]);
  const query = '?symbols=*&mode=every';
  const json = await server.client(query);
  const bin = await server.client(query, binary);
  const own = await server.client('', binary); // streams of two deliveries, defined as they come up
  const subscribe = (rest) => own.ask({ op: 'subscribe', mode: 'every', ...rest }, 'subscribed');
  await subscribe({ symbols: ['ETH', 'A*'], max_rate: 1000 });
  await subscribe({ symbols: ['*'] });
  await server.replay({ action: 'resume' });
  const [expected, seen, mixed] = await Promise.all([json, bin, own].map(async (client) => {
    const items = [];
    await client.until((message) => items.push(...itemsOf([message], 'update')) >= count);
    return items;
  }));
  assert.equal(expected.length, count);
  assert.deepEqual(seen, expected);
  assert.ok(bin.binaryFrames > 1 && json.binaryFrames === 0);
  checkSequence(mixed);
  const sorted = (items) => items.map((item) => JSON.stringify(item)).sort();
  assert.deepEqual(sorted(mixed), sorted(expected));
});

test('a binary snapshot is that of JSON, and definitions come once', async (t) => {
  const server = await startServer(t, ['--feed', recording(t, mixedLines(600)), '--speed', 'max']);
  await server.untilReplay('ended');
  const json = await server.client('?symbols=*');
  const bin = await server.client('?symbols=*', binary);
  await json.next('subscribed');
  await bin.next('subscribed');
  const expected = await json.next('snapshot'), seen = await bin.next('snapshot');
  assert.deepEqual(seen, expected);
  assert.equal(bin.streams.size, expected.data.length);
  const frames = bin.binaryFrames;
  await bin.ask({ op: 'subscribe', symbols: ['ETH'], mode: 'every' }, 'subscribed');
  assert.deepEqual(await bin.next('snapshot'), { type: 'snapshot', data: [] });
  assert.equal(bin.binaryFrames, frames + 1, 'the empty snapshot, and no definitions again');
});
