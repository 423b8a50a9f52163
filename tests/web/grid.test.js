/* The hot path, as far as it goes without a page. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { commonPrefix } from '../../web/src/cells.js';
import { drawOncePerFrame } from '../../web/src/frame.js';

test('a burst draws once, and the next burst draws again', () => {
  const frames = [];
  let drawn = 0;
  const markDirty = drawOncePerFrame(() => drawn++, (frame) => frames.push(frame));
  markDirty();
  markDirty();
  assert.equal(frames.length, 1);
  frames.pop()();
  assert.equal(drawn, 1);
  markDirty();
  assert.equal(frames.length, 1);
});

test('only the digits behind the common start have changed', () => {
  assert.equal(commonPrefix('61,837.63', '61,838.63'), 5);
  assert.equal(commonPrefix('1.00', '1.00'), 4);
  assert.equal(commonPrefix('999.00', '1,000.00'), 0);
});
