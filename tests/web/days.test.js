/* The day's figures are never of a later moment than the one on the screen. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createDays } from '../../web/src/core/days.js';
import { createStore } from '../../web/src/core/store.js';
import { createTimeline } from './support/timeline.js';

const S = 1_000_000;

function setUp() {
  let now = 0;
  const timeline = createTimeline({ nowUs: 1000 * S });
  const mode = { value: 'live' };
  timeline.mode.peek = () => mode.value;
  timeline.edge = 1000 * S;
  timeline.edgeUs = () => timeline.edge;
  const answers = [];
  const feed = { state: 'live', get: () => new Promise((give, fail) => { answers.push({ give, fail }); }) };
  const store = createStore();
  store.applyItems([{ kind: 'trade', symbol: 'A', source: 'x', seq: 1, price: '11' }], 0);
  const days = createDays({ feed, timeline, store, now: () => now });
  const row = [...store.rows.values()][0];
  const answer = async (volume) => { answers.shift().give({ stats: [{ symbol: 'A', from: 500 * S, open: '10', high: '12', low: '9', volume }] }); await null; await null; };
  return { timeline, mode, feed, store, days, row, answers, answer, later: (ms) => { now += ms; } };
}

test('live: asked for once in a while, and shown at once', async () => {
  const { days, row, answers, answer, later, feed } = setUp();
  days.check();
  days.check();
  assert.equal(answers.length, 1);
  await answer('5');
  assert.equal(row.day.volume, '5');
  later(30_000);
  feed.state = 'reconnecting';
  days.check();
  assert.equal(answers.length, 0);
  feed.state = 'live';
  days.check();
  await answer('6');
  assert.equal(row.day.volume, '6');
});

test('paused or delayed: what is known later waits for the clock', async () => {
  const { days, row, answers, answer, later, timeline, mode } = setUp();
  days.check();
  await answer('5');
  mode.value = 'shifted';
  later(30_000);
  timeline.edge = 1030 * S;
  timeline.nowUsValue = 1010 * S;
  days.check();
  await answer('6');
  later(60_000);
  days.check();
  assert.deepEqual([row.day.volume, answers.length], ['5', 0]);
  timeline.nowUsValue = 1030 * S;
  days.check();
  assert.equal(row.day.volume, '6');
});

test('gone back: no figure of later, only the opening that was before; forward, they are back', async () => {
  const { days, row, answer, timeline, mode, store } = setUp();
  days.check();
  await answer('5');
  mode.value = 'shifted';
  timeline.nowUsValue = 900 * S;
  timeline.say('reset', { reason: 'rewind' });
  assert.deepEqual([row.day, store.isDayLater], [{ from: 500 * S, open: '10' }, true]);
  days.check();
  assert.equal(row.day.volume, undefined);
  timeline.nowUsValue = 400 * S;
  timeline.say('reset', { reason: 'rewind' });
  assert.equal(row.day, null);
  mode.value = 'live';
  days.check();
  assert.deepEqual([row.day.volume, store.isDayLater], ['5', false]);
});

test('after a seek everything is asked for anew, and late answers are of another time', async () => {
  const { days, row, answers, answer, timeline } = setUp();
  days.check();
  timeline.say('reset', { reason: 'seek' });
  await answer('5');
  assert.equal(row.day, null);
  days.check();
  await answer('7');
  assert.equal(row.day.volume, '7');
  timeline.say('hello', { hello: { isNewEpoch: true } });
  assert.equal(row.day, null);
  days.check();
  answers.shift().fail(new Error('away'));
  await null;
});
