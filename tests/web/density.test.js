import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDensity, heightsOf, timeMarks } from '../../web/src/core/density.js';

const sum = (density, from, to, parts) => [...density.sum(from, to, new Float64Array(parts))];

test('events are counted where they fall', () => {
  const density = createDensity({ spanMs: 100, spans: 10 });
  assert.equal(density.startMs, undefined);
  density.add(1000, 2);
  density.add(1050, 3);
  density.add(1200, 4);
  assert.deepEqual(sum(density, 1000, 1300, 3), [5, 0, 4]);
  assert.deepEqual(sum(density, 950, 1250, 3), [2.5, 2.5, 2]); // a span that is cut counts by its part
  assert.deepEqual(sum(density, 0, 500, 2), [0, 0]);
  assert.equal(density.startMs, 1000);
});

test('the ring forgets what is too old, also after a long silence', () => {
  const density = createDensity({ spanMs: 100, spans: 4 });
  for (let at = 0; at < 1000; at += 100) density.add(at, at);
  assert.deepEqual(sum(density, 0, 1000, 10), [0, 0, 0, 0, 0, 0, 600, 700, 800, 900]);
  assert.equal(density.startMs, 600);
  density.add(5000, 7);
  assert.deepEqual(sum(density, 4700, 5100, 4), [0, 0, 0, 7]);
  density.clear();
  assert.deepEqual(sum(density, 4700, 5100, 4), [0, 0, 0, 0]);
});

test('heights let a quiet part be seen beside a burst', () => {
  assert.deepEqual([...heightsOf([0, 1, 100])], [0, 0.1, 1]);
  assert.deepEqual([...heightsOf([0, 0])], [0, 0]);
});

test('marks stand at times people count in', () => {
  assert.deepEqual(timeMarks(500, 10_500, 5), { stepMs: 2000, marks: [2000, 4000, 6000, 8000, 10_000] });
  assert.equal(timeMarks(0, 720_000, 8).stepMs, 120_000);
  assert.equal(timeMarks(0, 86_400_000 * 30, 6).stepMs, 86_400_000 * 5);
});
