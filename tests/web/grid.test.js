/* The hot path, as far as it goes without a page. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { commonPrefix } from '../../web/src/hot/cells.js';
import { createFrame } from '../../web/src/hot/frame.js';

function scripted() {
  const frames = [];
  let ms = 0;
  const frame = createFrame({ requestFrame: (draw) => frames.push(draw), now: () => ms });
  return { frame, frames, spend: (more) => { ms += more; } };
}

test('a burst draws once, and the next burst draws again', () => {
  const { frame, frames } = scripted();
  let drawn = 0;
  const drawing = frame.add(() => drawn++);
  drawing.mark();
  drawing.mark();
  assert.equal(frames.length, 1);
  frames.pop()();
  assert.equal(drawn, 1);
  drawing.mark();
  assert.equal(frames.length, 1);
});

test('all drawers share a frame, only the marked ones draw, and how long it took is told', () => {
  const { frame, frames, spend } = scripted();
  const drawn = [];
  const works = [];
  frame.watch((ms) => works.push(ms));
  const a = frame.add(() => { drawn.push('a'); spend(3); });
  const b = frame.add(() => { drawn.push('b'); spend(4); });
  const c = frame.add(() => drawn.push('c'));
  b.mark();
  a.mark();
  assert.equal(frames.length, 1);
  frames.pop()();
  c.end();
  c.mark();
  frames.pop()();
  assert.deepEqual([drawn, works], [['a', 'b'], [7, 0]]);
});

test('only the digits behind the common start have changed', () => {
  assert.equal(commonPrefix('61,837.63', '61,838.63'), 5);
  assert.equal(commonPrefix('1.00', '1.00'), 4);
  assert.equal(commonPrefix('999.00', '1,000.00'), 0);
});
