/* The hot path, as far as it goes without a page. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { commonPrefix } from '../../web/src/hot/cells.js';
import { createFlashes } from '../../web/src/hot/flash.js';
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

/** Stand-ins for the browser's highlights, and a clock. */
function flashing() {
  const highlights = new Map();
  const timers = [];
  let ms = 0;
  const flashes = createFlashes({
    highlights, Highlight: Set, StaticRange: class { constructor(range) { Object.assign(this, range); } },
    setTimeout: (fire) => timers.push(fire), now: () => ms,
  });
  const shown = () => [...highlights].filter(([, ranges]) => ranges.size > 0)
    .map(([name, [{ startOffset, endOffset }]]) => `${name} ${startOffset}-${endOffset}`).join();
  return { flashes, shown, timers, pass: (more) => { ms += more; timers.splice(0).forEach((fire) => fire()); } };
}

test('what changed lights up, fades and is gone', () => {
  const { flashes, shown, timers, pass } = flashing();
  flashes.flash({ length: 6 }, 4, 1, 0);
  assert.equal(shown(), 'rose 4-6');
  pass(100);
  assert.equal(shown(), 'rose 4-6');
  pass(100);
  assert.equal(shown(), 'roseWeak 4-6');
  pass(300);
  assert.deepEqual([shown(), flashes.size, timers.length], ['', 0, 0]);
});

test('a new flash takes the place of the old one, and a row that moves away has none', () => {
  const { flashes, shown } = flashing();
  const node = { length: 6 };
  flashes.flash(node, 4, 1, 0);
  flashes.flash(node, 2, -1, 50);
  assert.equal(shown(), 'fell 2-6');
  flashes.end(node);
  flashes.flash(node, 0, 0, 60);
  assert.equal(shown(), '');
});

test('a browser without highlights does not flash, and does not fail', () => {
  const flashes = createFlashes({ setTimeout() {}, now: () => 0 });
  flashes.flash({ length: 3 }, 0, 1, 0);
  flashes.end({});
  assert.equal(flashes.size, 0);
});
