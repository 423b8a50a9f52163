/* The hot path, as far as it goes without a page. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { commonPrefix } from '../../web/src/hot/cells.js';
import { createFlashes, createRanges } from '../../web/src/hot/flash.js';
import { createFrame } from '../../web/src/hot/frame.js';

function scripted() {
  const frames = [];
  let ms = 0;
  const timers = [];
  const frame = createFrame({
    requestFrame: (draw) => frames.push(draw), now: () => ms,
    setTimeout: (fire, after) => {
      timers.push({ fire, ms: after });
      return timers.at(-1);
    },
    clearTimeout: (timer) => { if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1); },
  });
  return { frame, frames, timers, spend: (more) => { ms += more; } };
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

test('news are drawn at a pace; what the reader does is answered at once, and takes them along', () => {
  const { frame, frames, timers, spend } = scripted();
  const drawn = [];
  const news = frame.add(() => drawn.push('news'));
  const reader = frame.add(() => drawn.push('reader'));
  news.markNews();
  frames.pop()();
  spend(10);
  news.markNews();
  news.markNews();
  assert.deepEqual([frames.length, timers.map(({ ms }) => ms)], [0, [15]]);
  spend(15);
  timers.pop().fire();
  frames.pop()();
  assert.deepEqual(drawn, ['news', 'news']);
  spend(5);
  news.markNews();
  reader.mark();
  assert.deepEqual([frames.length, timers.length], [1, 0], 'the timer is not needed any more');
  frames.pop()();
  assert.deepEqual(drawn, ['news', 'news', 'news', 'reader']);
});

test('what draws in a frame of its own is told which one is meant', () => {
  const { frame, frames, timers, spend } = scripted();
  let told = 0;
  const bars = frame.add(() => {}, () => told++);
  bars.markNews();
  assert.equal(told, 1);
  bars.markNews();
  assert.equal(told, 2, 'more came before it');
  frames.pop()();
  spend(1);
  bars.markNews();
  assert.equal(told, 2, 'not yet');
  spend(24);
  timers.pop().fire();
  assert.equal(told, 3);
});

test('only the digits behind the common start have changed', () => {
  assert.equal(commonPrefix('61,837.63', '61,838.63'), 5);
  assert.equal(commonPrefix('1.00', '1.00'), 4);
  assert.equal(commonPrefix('999.00', '1,000.00'), 0);
});

/** A clock, and prices that note their colour. */
function flashing() {
  const timers = [];
  let ms = 0;
  const flashes = createFlashes({ setTimeout: (fire) => timers.push(fire), now: () => ms });
  const price = () => {
    const one = { colour: '', colours: (name) => { one.colour = name; } };
    return one;
  };
  return { flashes, price, timers, pass: (more) => { ms += more; timers.splice(0).forEach((fire) => fire()); } };
}

test('what changed lights up, fades and is gone', () => {
  const { flashes, price, timers, pass } = flashing();
  const one = price();
  flashes.flash(one, one.colours, 1, 0);
  assert.equal(one.colour, 'rose');
  pass(100);
  assert.equal(one.colour, 'rose');
  pass(100);
  assert.equal(one.colour, 'roseWeak');
  pass(300);
  assert.deepEqual([one.colour, flashes.size, timers.length], ['', 0, 0]);
});

test('a new flash takes the place of the old one, and a row that moves away has none', () => {
  const { flashes, price } = flashing();
  const [tail, whole, one] = [price(), price(), {}];
  flashes.flash(one, tail.colours, 1, 0);
  flashes.flash(one, whole.colours, -1, 50);
  assert.deepEqual([tail.colour, whole.colour], ['', 'fell']);
  flashes.end(one);
  flashes.flash(one, tail.colours, 0, 60);
  assert.deepEqual([tail.colour, whole.colour, flashes.size], ['', '', 0]);
});

test('ranges of text are coloured by one name at a time', () => {
  const highlights = new Map();
  const range = createRanges({ highlights, Highlight: Set, StaticRange: class { constructor(ends) { Object.assign(this, ends); } } });
  const shown = () => [...highlights].filter(([, ranges]) => ranges.size > 0)
    .map(([name, [{ startOffset, endOffset }]]) => `${name} ${startOffset}-${endOffset}`).join();
  const colour = range({ length: 6 }, 4);
  assert.equal(shown(), '');
  for (const [name, is] of [['rose', 'rose 4-6'], ['roseWeak', 'roseWeak 4-6'], ['', '']]) {
    colour(name);
    assert.equal(shown(), is);
  }
});

test('a browser without highlights colours nothing, and does not fail', () => {
  createRanges({})({ length: 3 }, 0)('rose');
});
