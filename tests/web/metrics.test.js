import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barsOf, formatDuration, parseMetrics, percentileOf, since } from '../../web/src/core/metrics.js';

const TEXT = `# HELP x_seconds Some time.
# TYPE x_seconds histogram
x_seconds_bucket{le="0.001"} 2
x_seconds_bucket{le="0.01"} 5
x_seconds_bucket{le="0.1"} 5
x_seconds_bucket{le="+Inf"} 6
x_seconds_sum 1.5
x_seconds_count 6
plain_total 42
closed_total{reason="a \\"b\\"",side="x"} 7
closed_total{reason="c"} 1

rubbish
`;

test('values and labels', () => {
  const metrics = parseMetrics(TEXT);
  assert.equal(metrics.value('plain_total'), 42);
  assert.equal(metrics.value('closed_total', { reason: 'a "b"' }), 7);
  assert.deepEqual(metrics.all('closed_total').map(({ value }) => value), [7, 1]);
  assert.equal(metrics.value('nothing'), undefined);
  assert.equal(metrics.histogram('plain_total'), null);
});

test('a histogram is what lies between its bounds', () => {
  const histogram = parseMetrics(TEXT).histogram('x_seconds');
  assert.deepEqual(histogram, { bounds: [0.001, 0.01, 0.1, Infinity], counts: [2, 3, 0, 1], sum: 1.5, count: 6 });
  assert.equal(percentileOf(histogram, 0.5), 0.01);
  assert.equal(percentileOf(histogram, 0.99), Infinity);
  assert.equal(percentileOf({ bounds: [1], counts: [0], count: 0 }, 0.5), undefined);
});

test('only what came since the last look', () => {
  const before = { bounds: [1, 2], counts: [1, 1], sum: 2, count: 2 };
  const now = { bounds: [1, 2], counts: [1, 4], sum: 7, count: 5 };
  assert.deepEqual(since(now, before), { bounds: [1, 2], counts: [0, 3], sum: 5, count: 3 });
  assert.equal(since(before, now), before); // the server began again
  assert.equal(since(now, null), now);
});

test('bars leave out the empty ends and add up neighbours when there are too many', () => {
  assert.deepEqual(barsOf({ bounds: [1, 2, 3, 4], counts: [0, 2, 0, 3] }), [
    { from: 1, to: 2, count: 2 }, { from: 2, to: 3, count: 0 }, { from: 3, to: 4, count: 3 }]);
  assert.deepEqual(barsOf({ bounds: [1, 2, 3], counts: [1, 2, 4] }, 2), [{ from: 0, to: 2, count: 3 }, { from: 2, to: 3, count: 4 }]);
  assert.deepEqual(barsOf({ bounds: [1], counts: [0] }), []);
});

test('durations as people say them', () => {
  assert.deepEqual([0, 0.000042, 0.0058, 1.23456, 130, Infinity, undefined].map(formatDuration),
    ['0\u2009µs', '42\u2009µs', '5.8\u2009ms', '1.23\u2009s', '130\u2009s', '∞', '—']);
});
