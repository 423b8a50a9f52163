import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDelivery, describeFeed, describeStatus, formatBytes, formatShort, formatUptime } from '../../web/src/core/serverwords.js';

const THIN = '\u2009';

test('large figures stay short', () => {
  assert.deepEqual([0, 512, 1536, 56_400, 999_600, 12_345_678].map(formatBytes),
    [`0${THIN}B`, `512${THIN}B`, `1.54${THIN}kB`, `56.4${THIN}kB`, `1${THIN}MB`, `12.3${THIN}MB`]);
  assert.deepEqual([0, 0.6, 412, 9999, 18_400, 1_234_567].map(formatShort), ['0', '0.6', '412', '9,999', `18.4${THIN}k`, `1.2${THIN}M`]);
});

test('a time that has passed, in its two largest units', () => {
  assert.deepEqual([400, 8000, 125_000, 3_600_000, 270_000_000].map(formatUptime),
    [`0${THIN}s`, `8${THIN}s`, `2${THIN}min 5${THIN}s`, `1${THIN}h`, `3${THIN}d 3${THIN}h`]);
});

test('what a session wants', () => {
  assert.equal(describeDelivery({ mode: 'latest', max_rate: 10 }), 'latest ≤ 10/s');
  assert.equal(describeDelivery({ mode: 'every', max_age_ms: 500 }), 'every ≤ 500 ms old');
});

test('feeds in a word', () => {
  assert.equal(describeFeed({ live: true, link: 'down' }), 'connection lost');
  assert.equal(describeFeed({ broken: true }), 'breaks off');
  assert.equal(describeFeed({ bytes_read: 50, bytes_total: 200 }), '25 % read');
  assert.equal(describeFeed({ bad: 0 }), 'runs');
});

test('every tile explains itself and tells what is bad', () => {
  const status = {
    shards: 2, clients: { sessions: 3, max: 10_000 }, rates: { events: 41.7, items: 0.6, frames: 0.6, bytes: 115 },
    delivery: { slow_consumers: 1, max_age_exceeded: 0, blocked_writes: 2, skipped: 70, lapped_events: 5 },
    latency_us: { p99: 58.2, count: 9 }, freshness_us: { loop_lag: { p99: 60_000 } },
  };
  const tiles = describeStatus(status);
  assert.ok(tiles.every(({ hint, title, text }) => hint && title && text));
  const bad = tiles.filter(({ isBad }) => isBad).map(({ name }) => name);
  assert.deepEqual(bad, ['slow', 'skipped', 'lag']);
  assert.equal(tiles.find(({ name }) => name === 'latency').text, `58.2${THIN}µs`);
  assert.equal(describeStatus({ ...status, latency_us: { p99: 0, count: 0 } }).find(({ name }) => name === 'latency').text, '—');
});
