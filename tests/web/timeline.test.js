import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTimeline } from '../../web/src/core/timeline.js';
import { createClock } from './support/fakes.js';

const START_US = 1_700_000_000_000_000;
const trade = (symbol, seq, price, more = {}) => ({ kind: 'trade', symbol, source: 'x', seq, price, ...more });
const items = (...list) => ({ type: 'items', items: list, isSnapshot: false });
const settle = async () => { for (let at = 0; at < 12; at++) await null; };

/** A screen on a clock that moves when told to; the server's replay answers from `server`. */
function setUp({ mode = 'live', limits = { bytes: 1 << 18, chunkBytes: 1 << 14 }, server = {} } = {}) {
  const clock = createClock();
  const state = { state: 'playing', speed: 1, loop: false, position: START_US, percent: 0, ...server.state };
  const calls = [];
  const act = (name, change) => async (value) => {
    calls.push(value === undefined ? [name] : [name, value]);
    if (server.refuse) throw Object.assign(new Error('no'), { status: server.refuse });
    Object.assign(state, change(value));
    return { ...state };
  };
  const feed = {
    serverNow: () => START_US / 1000 + clock.now(),
    get: async () => ({ known: false }),
    replay: {
      state: async () => ({ ...state }),
      pause: act('pause', () => ({ state: 'paused' })), resume: act('resume', () => ({ state: 'playing' })),
      seek: act('seek', (to) => (typeof to === 'number' ? { position: to } : {})),
      step: act('step', () => ({})), speed: act('speed', (speed) => ({ speed })), loop: act('loop', (loop) => ({ loop })),
    },
  };
  const timeline = createTimeline({ feed, ...clock, isHidden: () => hidden.value, limits });
  const hidden = { value: false };
  const shown = [];
  for (const type of ['items', 'reset', 'hello', 'feed', 'gap', 'jump']) timeline.on(type, (entry) => shown.push(entry));
  timeline.take({ type: 'hello', hello: { mode, epoch: 'e1', isNewEpoch: false } });
  const prices = () => shown.splice(0).flatMap((entry) => (entry.type === 'items' ? entry.items.map(({ price }) => price) : [entry.type]));
  prices();
  let seq = 0;
  const tick = (price, more) => timeline.take(items(trade('A', ++seq, price, more)));
  return { clock, timeline, shown, prices, tick, calls, state, server, hidden };
}

test('live passes everything on at once, and its clock is the server’s', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  assert.deepEqual(prices(), ['1']);
  assert.equal(timeline.mode.value, 'live');
  assert.equal(timeline.nowUs(), START_US + clock.now() * 1000);
});

test('paused: the clock stands, what comes is counted, and nothing of it is shown', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  prices();
  timeline.pause();
  const held = timeline.nowUs();
  clock.advance(2000);
  tick('2', { skipped: 4 });
  tick('3');
  clock.advance(1000);
  assert.deepEqual(prices(), []);
  assert.equal(timeline.mode.value, 'paused');
  assert.equal(timeline.nowUs(), held);
  assert.deepEqual([timeline.behind.value.events, Math.round(timeline.behind.value.ms / 500) * 500], [6, 3000]);
  timeline.toggle();
  assert.deepEqual(prices(), ['2', '3']);
  assert.equal(timeline.mode.value, 'live');
  assert.equal(timeline.behind.value.events, 0);
  assert.equal(timeline.nowUs(), START_US + clock.now() * 1000);
});

test('continue from here: the same order and pace, later', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  timeline.pause();
  prices();
  clock.advance(1000);
  tick('2');
  clock.advance(1000);
  timeline.continueFromHere();
  assert.equal(timeline.mode.value, 'shifted');
  clock.advance(900);
  assert.deepEqual(prices(), []);
  clock.advance(200);
  assert.deepEqual(prices(), ['2']);
  assert.ok(Math.abs(timeline.nowUs() - (START_US + (clock.now() - 2000) * 1000)) < 100_000);
  tick('3');
  clock.advance(1900);
  assert.deepEqual(prices(), []);
  clock.advance(200);
  assert.deepEqual(prices(), ['3']);
});

test('faster than time, a shifted screen arrives at now and is live again', () => {
  const { timeline, tick, prices, clock } = setUp();
  timeline.pause();
  clock.advance(2000);
  tick('2');
  timeline.continueFromHere();
  timeline.setSpeed(5);
  clock.advance(600);
  assert.equal(timeline.mode.value, 'live');
  assert.deepEqual(prices(), ['2']);
});

test('rewinding shows how things stood, and goes on from there', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  clock.advance(5000);
  tick('2');
  timeline.take(items(trade('B', 1, '20')));
  clock.advance(5000);
  tick('3');
  prices();
  timeline.rewindTo(timeline.nowUs() - 7_000_000);
  assert.equal(timeline.mode.value, 'shifted');
  assert.deepEqual(prices(), ['jump', 'reset', '1']);
  clock.advance(2100);
  assert.deepEqual(prices(), ['2', '20']);
  timeline.backToLive();
  assert.deepEqual(prices(), ['3']);
  assert.equal(timeline.mode.value, 'live');
});

test('a paused screen that is rewound stays paused; near now is now', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  clock.advance(5000);
  tick('2');
  timeline.pause();
  prices();
  timeline.rewindTo(timeline.nowUs() - 3_000_000);
  assert.deepEqual([timeline.mode.value, prices()], ['paused', ['jump', 'reset', '1']]);
  timeline.step(1);
  assert.deepEqual(prices(), ['2']);
  assert.equal(timeline.step(1), false);
  timeline.rewindToMs(clock.now());
  assert.equal(timeline.mode.value, 'paused');
});

test('a long backlog is caught up with by its outcome', () => {
  const { timeline, tick, shown, prices } = setUp();
  timeline.pause();
  for (let at = 0; at < 3000; at++) tick(`${at}`, { skipped: 1 });
  timeline.take({ type: 'feed', source: 'x', state: 'down', ts: 1 });
  timeline.take(items(trade('B', 1, '7')));
  shown.length = 0;
  timeline.resume();
  assert.equal(shown.find(({ type }) => type === 'jump').events, 6001);
  assert.deepEqual(prices(), ['feed', 'jump', '2999', '7']);
});

test('more than is kept: the screen is told anew', () => {
  const { timeline, tick, prices } = setUp({ limits: { bytes: 1 << 14, chunkBytes: 1 << 12 } });
  timeline.pause();
  timeline.take({ type: 'reset', epoch: 'e2' });
  for (let at = 0; at < 3000; at++) tick(`${at}`);
  timeline.resume();
  assert.deepEqual(prices(), ['jump', 'reset', '2999']);
});

test('a paused screen keeps still through a reset and a reconnect, and then hears of both', () => {
  const { timeline, tick, prices, clock } = setUp();
  tick('1');
  timeline.pause();
  prices();
  timeline.take({ type: 'state', from: 'live', to: 'reconnecting' });
  timeline.take({ type: 'hello', hello: { mode: 'live', epoch: 'e2', isNewEpoch: true } });
  clock.advance(1000);
  assert.deepEqual([timeline.mode.value, prices()], ['paused', []]);
  tick('5');
  timeline.resume();
  assert.deepEqual(prices(), ['hello', '5']);
});

test('a hidden page does not play a shifted screen; looked at again, it is where it should be', () => {
  const { timeline, tick, prices, clock, hidden } = setUp();
  timeline.pause();
  clock.advance(1000);
  timeline.continueFromHere();
  hidden.value = true;
  for (let at = 0; at < 5; at++) { tick(`${at}`); clock.advance(1000); }
  assert.deepEqual(prices(), []);
  hidden.value = false;
  timeline.wake();
  clock.advance(100);
  assert.deepEqual(prices(), ['0', '1', '2', '3', '4']);
});

test('a replay has the recorded clock, which stands when it is paused', async () => {
  const { timeline, tick, clock } = setUp({ mode: 'replay', server: { state: { speed: 10 } } });
  await settle();
  assert.equal(timeline.mode.value, 'replay');
  tick('1', { recv: START_US + 500_000 });
  clock.advance(100);
  assert.equal(timeline.nowUs(), START_US + 1_500_000);
  await timeline.pause();
  await settle();
  const held = timeline.nowUs();
  clock.advance(5000);
  assert.equal(timeline.nowUs(), held);
  assert.equal(timeline.replay.value.state, 'paused');
});

test('control of a replay goes to the server and shows at once', async () => {
  const { timeline, calls } = setUp({ mode: 'replay' });
  await settle();
  timeline.toggle();
  assert.deepEqual([timeline.replay.value.state, timeline.replay.value.busy], ['paused', true]);
  await settle();
  assert.deepEqual([timeline.replay.value.state, timeline.replay.value.busy, timeline.mode.value], ['paused', false, 'replay']);
  timeline.step(1);
  await settle();
  timeline.toggle();
  await settle();
  timeline.changeSpeed(1);
  await settle();
  timeline.toggleLoop();
  timeline.seekBy(-30);
  await settle();
  timeline.rewindTo(START_US + 7);
  await settle();
  assert.deepEqual(calls, [['pause'], ['step', 1], ['resume'], ['speed', 2], ['loop', true], ['seek', '-30s'], ['seek', START_US + 7]]);
  assert.equal(timeline.replay.value.speed, 2);
});

test('of many seeks the first and the last are sent', async () => {
  const { timeline, calls } = setUp({ mode: 'replay' });
  await settle();
  for (let at = 1; at <= 20; at++) timeline.seek(START_US + at);
  await settle();
  assert.deepEqual(calls, [['seek', START_US + 1], ['seek', START_US + 20]]);
});

test('a replay that may not be controlled says so, and is paused here', async () => {
  const { timeline, tick, prices, server, clock } = setUp({ mode: 'replay', server: { refuse: 403 } });
  await settle();
  tick('1', { recv: START_US + 500_000 });
  prices();
  timeline.pause();
  await settle();
  assert.equal(timeline.mode.value, 'paused');
  assert.match(timeline.notice.value.text, /own machine/);
  assert.deepEqual([timeline.replay.value.state, timeline.replay.value.mayControl], ['playing', false]);
  const held = timeline.nowUs();
  clock.advance(1000);
  tick('2', { recv: START_US + 1_500_000 });
  assert.deepEqual([prices(), timeline.nowUs()], [[], held]);
  timeline.continueFromHere();
  clock.advance(1100);
  assert.deepEqual(prices(), ['2']);
  timeline.backToLive();
  assert.equal(timeline.mode.value, 'replay');
  server.refuse = 0;
});

test('a part is played again and again', async () => {
  const { timeline, tick, calls, clock } = setUp({ mode: 'replay' });
  await settle();
  timeline.setMarks({ from: START_US, to: START_US + 2_000_000 });
  tick('1', { recv: START_US + 2_100_000 });
  clock.advance(100);
  await settle();
  assert.deepEqual(calls, [['seek', START_US]]);
  timeline.setMarks(null);
  clock.advance(1000);
  assert.equal(calls.length, 1);
});

test('a listener that throws harms nobody', () => {
  const { timeline, tick } = setUp();
  const error = console.error;
  console.error = () => {};
  let heard = 0;
  timeline.on('items', () => { throw new Error('its bug'); });
  timeline.on('items', () => heard++);
  tick('1');
  console.error = error;
  assert.equal(heard, 1);
});
