import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut, placeAt, spread } from '../../web/src/hot/scrubber.js';

const signal = (value) => ({ peek: () => value });
const recording = (more = {}) => ({
  outline: signal({ from: 1000, to: 2000, exact: true, activity: [] }), replay: signal({ percent: 5 }), marks: signal(null),
  recordedUs: () => 1250, ...more,
});

test('a recording is shown whole, and a place on the bar is a time in it', () => {
  const layout = layOut({ timeline: recording({ marks: signal({ from: 1100, to: 1300 }) }), isWhole: true });
  assert.equal(layout.head, 0.25);
  assert.deepEqual(layout.marks, [0.1, 0.3]);
  assert.equal(placeAt(layout, 0.5), 1500);
});

test('an end that was guessed moves when the clock is past it', () => {
  const guessed = recording({ outline: signal({ from: 1000, to: 2000, exact: false, activity: [] }), recordedUs: () => 3000 });
  assert.equal(layOut({ timeline: guessed, isWhole: true }).to, 3000);
  assert.equal(layOut({ timeline: recording({ recordedUs: () => 3000 }), isWhole: true }).head, 1);
});

test('of a recording whose span is unknown, bytes are the measure', () => {
  const layout = layOut({ timeline: recording({ outline: signal(null) }), isWhole: true });
  assert.equal(layout.head, 0.05);
  assert.equal(placeAt(layout, 0.5), '50.00%');
});

test('live, the bar is what is kept, now on the right', () => {
  const timeline = { window: { startMs: 400_000, headMs: 460_000, endMs: 500_000 } };
  const layout = layOut({ timeline, isWhole: false });
  assert.equal(layout.span, 120_000);
  assert.equal(layout.head, 1 - 40_000 / 120_000);
  assert.equal(placeAt(layout, 1), 500_000);
  assert.equal(Math.round(placeAt(layout, layout.known[0])), 400_000);
});

test('parts are put on bars without loss', () => {
  assert.deepEqual([...spread([1, 2, 3, 4], new Float64Array(2))], [3, 7]);
  assert.deepEqual([...spread([4, 8], new Float64Array(4))], [2, 2, 4, 4]);
  assert.deepEqual([...spread([1, 1], new Float64Array(4), 0.5)], [1, 1, 0, 0]);
});
