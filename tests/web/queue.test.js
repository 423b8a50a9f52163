/* What a slow loop may rely on: bounded memory, and `seq == previous seq + 1 + skipped` all the same. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { FeedError } from '../../web/client/errors.js';
import { Queue } from '../../web/client/queue.js';

const item = (symbol, seq, skipped) => ({ kind: 'trade', source: 'x', symbol, seq, ...(skipped ? { skipped } : {}) });
const batch = (items, { epoch = 'e1', isSnapshot = false } = {}) => ({ items, isSnapshot, epoch });

/** Takes what waits now. */
async function drain(queue) {
  queue.end();
  const batches = [];
  for await (const one of queue.batches()) batches.push(one);
  return batches;
}

function checkRule(batches, first = {}) {
  const last = new Map(Object.entries(first));
  let epoch;
  for (const one of batches) {
    if (one.epoch !== epoch) last.clear();
    epoch = one.epoch;
    for (const { symbol, seq, skipped = 0 } of one.items) {
      const previous = last.get(symbol);
      if (previous !== undefined) assert.equal(seq, previous + 1 + skipped, `${symbol} ${seq} in ${epoch}`);
      last.set(symbol, seq);
    }
  }
}

test('batches come as they are while there is room', async () => {
  const queue = new Queue({ buffer: 3 });
  const batches = [batch([item('A', 1)], { isSnapshot: true }), batch([item('A', 2), item('B', 1)])];
  for (const one of batches) queue.push(one);
  assert.deepEqual(await drain(queue), batches);
  assert.equal(queue.dropped, 0);
});

test('latest keeps the newest of each stream and counts the rest as skipped', async () => {
  const queue = new Queue({ buffer: 2 });
  queue.push(batch([item('A', 1)]));
  queue.push(batch([item('B', 1), item('A', 4, 2)]));
  queue.push(batch([item('A', 5)]));
  queue.push(batch([item('A', 6)]));
  queue.push(batch([item('A', 7)]));
  assert.deepEqual((await drain(queue)).map(({ items }) => items), [[item('B', 1), item('A', 7, 6)]]);
  assert.equal(queue.dropped, 4);
});

test('latest is bounded by the streams when these are more than the buffer', () => {
  const queue = new Queue({ buffer: 4 });
  for (let seq = 1; seq <= 500; seq++) queue.push(batch([item(`S${seq % 10}`, seq)]));
  assert.ok(queue.size <= 20, String(queue.size));
});

test('latest forgets an epoch that is over', async () => {
  const queue = new Queue({ buffer: 1 });
  queue.push(batch([item('A', 7)]));
  queue.push(batch([item('A', 1)], { epoch: 'e2' }));
  assert.deepEqual(await drain(queue), [batch([item('A', 1)], { epoch: 'e2' })]);
});

test('drop-oldest drops from the front, and the next of the stream says how many', async () => {
  const queue = new Queue({ buffer: 3, overflow: 'drop-oldest' });
  queue.push(batch([item('A', 1), item('A', 2), item('B', 1)]));
  queue.push(batch([item('A', 3), item('B', 2)]));
  const batches = await drain(queue);
  assert.deepEqual(batches.map(({ items }) => items), [[item('B', 1)], [item('A', 3, 2), item('B', 2)]]);
  assert.equal(queue.dropped, 2);
});

test('what was dropped of an epoch is not charged to the next', async () => {
  const queue = new Queue({ buffer: 1, overflow: 'drop-oldest' });
  queue.push(batch([item('A', 1), item('A', 2)]));
  queue.push(batch([item('A', 1)], { epoch: 'e2' }));
  assert.deepEqual(await drain(queue), [batch([item('A', 1)], { epoch: 'e2' })]);
});

test('error ends the loop with what it is', async () => {
  const queue = new Queue({ buffer: 2, overflow: 'error' });
  queue.push(batch([item('A', 1), item('A', 2)]));
  queue.push(batch([item('A', 3)]));
  await assert.rejects(async () => { for await (const one of queue.batches()) assert.ok(one); },
    (error) => error instanceof FeedError && error.code === 'overflow');
});

test('a waiting loop is woken; leaving it ends the queue', async () => {
  let ended = 0;
  const queue = new Queue({}, () => ended++);
  const items = [];
  const loop = (async () => {
    for await (const one of queue.items()) {
      items.push(one.seq);
      if (one.seq === 3) break;
    }
  })();
  await null;
  queue.push(batch([item('A', 1)]));
  queue.push(batch([item('A', 2), item('A', 3), item('A', 4)]));
  await loop;
  queue.push(batch([item('A', 5)]));
  assert.deepEqual([items, ended, queue.size], [[1, 2, 3], 1, 0]);
});

test('an aborted loop ends after what waits', async () => {
  const abort = new AbortController();
  const queue = new Queue({ signal: abort.signal });
  queue.push(batch([item('A', 1)]));
  abort.abort();
  queue.push(batch([item('A', 2)]));
  const seen = [];
  for await (const { seq } of queue.items()) seen.push(seq);
  assert.deepEqual(seen, [1]);
});

test('bad options are refused', () => {
  for (const options of [{ buffer: 0 }, { buffer: NaN }, { overflow: 'block' }]) {
    assert.throws(() => new Queue(options), RangeError);
  }
});

test('whatever comes and however it is taken, the rule of seq holds', async () => {
  let state = 20261125;
  const random = (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 200; round++) {
    const overflow = round % 2 ? 'latest' : 'drop-oldest';
    const queue = new Queue({ buffer: 1 + random(8), overflow });
    const taken = [];
    const reader = queue.batches();
    const seqs = {};
    let epoch = 0;
    for (let step = 0; step < 60; step++) {
      if (random(15) === 0) {
        epoch++;
        for (const symbol of Object.keys(seqs)) delete seqs[symbol];
      }
      const items = Array.from({ length: random(5) }, () => {
        const symbol = 'ABC'[random(3)];
        const skipped = seqs[symbol] === undefined ? 0 : random(3);
        seqs[symbol] = (seqs[symbol] ?? 10) + 1 + skipped;
        return item(symbol, seqs[symbol], skipped);
      });
      queue.push(batch(items, { epoch: `e${epoch}` }));
      while (queue.size > 0 && random(3) === 0) taken.push((await reader.next()).value);
    }
    queue.end();
    for await (const one of reader) taken.push(one);
    checkRule(taken);
  }
});
