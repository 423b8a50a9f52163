import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecordedClock } from '../../web/src/core/recordedclock.js';

function setUp() {
  let ms = 0;
  return { clock: createRecordedClock(() => ms), pass: (by) => { ms += by; } };
}

test('it knows nothing before the first event', () => {
  assert.equal(setUp().clock.us(), undefined);
});

test('it goes on between events at its rate, and never back', () => {
  const { clock, pass } = setUp();
  clock.setRate(10);
  clock.observe(1_000_000);
  pass(100);
  assert.equal(clock.us(), 2_000_000);
  clock.observe(1_500_000);
  assert.equal(clock.us(), 2_000_000);
  clock.observe(2_500_000);
  pass(10);
  assert.equal(clock.us(), 2_600_000);
});

test('another rate begins where it is; at 0 it stands', () => {
  const { clock, pass } = setUp();
  clock.observe(1_000_000);
  pass(5000);
  assert.equal(clock.us(), 1_000_000);
  clock.setRate(2);
  pass(1000);
  clock.setRate(0);
  pass(1000);
  assert.equal(clock.us(), 3_000_000);
});

test('the server sets it right, but not for the time a message takes', () => {
  const { clock, pass } = setUp();
  clock.setRate(1);
  clock.observe(10_000_000);
  pass(1000);
  clock.set(11_100_000);
  assert.equal(clock.us(), 11_000_000);
  clock.set(9_000_000);
  assert.equal(clock.us(), 9_000_000);
});

test('after the last event of the recording it stands', () => {
  const { clock, pass } = setUp();
  clock.setRate(1);
  clock.setEnd(2_000_000);
  clock.observe(1_500_000);
  clock.observe(7_000_000); // of another source, that is live
  pass(9000);
  assert.equal(clock.us(), 2_000_000);
});
