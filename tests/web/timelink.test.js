/* A link leads to its moment, and a screen that is not live says where it stands. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { signal } from '../../web/src/core/signal.js';
import { createTimeLink } from '../../web/src/core/timelink.js';
import { createClock } from './support/fakes.js';

const S = 1_000_000;
const NOON = Date.UTC(2024, 2, 5, 12) * 1000;
const at = (seconds) => new Date(NOON / 1000 + seconds * 1000).toISOString().replace('.000Z', 'Z');

function setUp({ link = null, replay = null, hasControl = true, isKnown = true } = {}) {
  const clock = createClock();
  const done = [];
  const jumps = [];
  const route = { link: signal(link), params: {}, go: ({ params }) => { route.params = params; } };
  const timeline = {
    mode: signal(replay ? 'replay' : 'live'), rate: signal(1), replay: signal(replay), isRecorded: replay !== null, hasControl, isFollowing: false,
    window: { startMs: 0, endMs: 60_000 }, edgeUs: () => NOON, nowUs: () => timeline.shownUs, recordedUs: () => NOON, shownUs: NOON - 20 * S,
    rewindTo: (us) => done.push(['rewind', (us - NOON) / S]), seek: (us) => done.push(['seek', (us - NOON) / S]), setSpeed: (speed) => done.push(['speed', speed]),
    on: (type, listener) => jumps.push(listener),
  };
  const toasts = [];
  const known = { value: isKnown };
  const it = createTimeLink({ route, timeline, ...clock, isKnown: () => known.value, toast: (toast) => toasts.push(toast), showMoment: (span) => done.push(['show', (span.from - NOON) / S]) });
  return { clock, route, timeline, done, toasts, known, it, jump: () => jumps.forEach((listener) => listener()) };
}

test('of a live market: back to the moment, as far as this page knows it; else its charts do', () => {
  const { it, done, known } = setUp({ link: { at: at(-30), speed: '2' }, isKnown: false });
  it.check();
  assert.deepEqual(done, []);
  known.value = true;
  it.check();
  it.check();
  assert.deepEqual(done, [['rewind', -30], ['speed', 2]]);
  const older = setUp({ link: { at: at(-300) } });
  older.it.check();
  assert.match(older.toasts[0].text, /^This page has prices since 11:59:00 UTC/);
  older.toasts[0].action.run();
  assert.deepEqual(older.done, [['show', -360]]);
});

test('of a replay: speed and place, unless it is there already or may not be moved', () => {
  const { it, done, timeline } = setUp({ link: { at: at(90), speed: 'max' }, replay: {} });
  it.check();
  assert.deepEqual(done, [], 'what it does is not known yet');
  timeline.replay.value = { state: 'playing', speed: 1 };
  it.check();
  assert.deepEqual(done, [['speed', 'max'], ['seek', 90]]);
  const there = setUp({ link: { at: at(0), speed: '10' }, replay: { state: 'paused', speed: 10 } });
  there.it.check();
  assert.deepEqual(there.done, []);
  const locked = setUp({ link: { at: at(90) }, replay: { state: 'playing', speed: 1, why: 'Not from here.' }, hasControl: false });
  locked.it.check();
  assert.deepEqual([locked.done, locked.toasts.map(({ text }) => text)], [[], ['Not from here.']]);
});

test('a page that was loaded again says that it left its moment, and where to find it', () => {
  const { it, done, toasts, clock, route } = setUp({ link: { leftAt: at(-300) } });
  it.check();
  assert.equal(toasts.length, 1);
  assert.match(toasts[0].text, /loaded anew and shows the present\. The charts may have 11:55:00 UTC, where it stood/);
  assert.deepEqual(done, [], 'it goes nowhere by itself');
  toasts[0].action.run();
  assert.deepEqual(done, [['show', -360]]);
  clock.advance(300);
  assert.deepEqual(route.params, { at: '', speed: '' }, 'and the URL says no longer that it is there');
  const yesterday = setUp({ link: { leftAt: at(-86_400) } });
  yesterday.it.check();
  assert.match(yesterday.toasts[0].text, /may have 2024-03-04 12:00:00 UTC/);
});

test('of a replay only a screen that stood for itself left anything', () => {
  const left = (more) => {
    const { it, toasts } = setUp({ link: { leftAt: at(-300) }, replay: { state: 'playing', speed: 1 }, ...more });
    it.check();
    return toasts.map(({ text }) => text);
  };
  assert.deepEqual(left({ hasControl: true }), []);
  assert.match(left({ hasControl: false })[0], /shows the present/);
  assert.deepEqual(left({ hasControl: false, link: { leftAt: at(0) } }), [], 'the replay itself stands there');
});

test('the URL says where a screen stands that is not live, and no more when it is', () => {
  const { clock, route, timeline, jump } = setUp();
  timeline.mode.value = 'paused';
  clock.advance(300);
  assert.deepEqual(route.params, { at: at(-20), speed: '' });
  timeline.shownUs = NOON - 50 * S;
  for (let step = 0; step < 5; step++) { jump(); clock.advance(100); }
  assert.equal(route.params.at, at(-20), 'while it moves nothing is written');
  clock.advance(300);
  assert.equal(route.params.at, at(-50));
  timeline.mode.value = 'shifted';
  timeline.rate.value = 5;
  clock.advance(300);
  assert.deepEqual(route.params, { at: at(-50), speed: '5' });
  timeline.mode.value = 'live';
  clock.advance(300);
  assert.deepEqual(route.params, { at: '', speed: '' });
});

test('of a replay its place stands there while it is paused, and its speed', () => {
  const { clock, route, timeline } = setUp({ replay: { state: 'playing', speed: 10 } });
  timeline.replay.value = { state: 'playing', speed: 25 };
  clock.advance(300);
  assert.deepEqual(route.params, { at: '', speed: '25' });
  timeline.replay.value = { state: 'paused', speed: 1 };
  clock.advance(300);
  assert.deepEqual(route.params, { at: at(0), speed: '' });
});

test('a link that is not done with is not written over', () => {
  const { clock, route, timeline, it } = setUp({ link: { at: at(-30) }, isKnown: false });
  timeline.mode.value = 'paused';
  clock.advance(300);
  assert.deepEqual(route.params, {});
  it.check();
});
