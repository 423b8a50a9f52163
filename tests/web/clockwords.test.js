import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeClock, formatClock, formatDay, formatSpan, formatSpeed } from '../../web/src/core/clockwords.js';

const US = Date.UTC(2024, 2, 5, 9, 31, 7, 450) * 1000;
const facts = {
  mode: 'live', isRecorded: false, hasControl: false, rate: 1, behind: { events: 0, ms: 0 }, replay: null,
};
const say = (more) => describeClock({ ...facts, ...more });
const replay = (view, more) => say({ mode: 'replay', isRecorded: true, hasControl: true, replay: { speed: 1, state: 'playing', ...view }, ...more });

test('clocks and spans', () => {
  assert.equal(formatClock(US), '09:31:07');
  assert.equal(formatClock(US, true), '09:31:07.4');
  assert.equal(formatClock(NaN), '—');
  assert.equal(formatDay(US), '2024-03-05');
  assert.deepEqual([0, 59_999, 74_000, 3_600_000, 36_061_000].map(formatSpan), ['0:00', '0:59', '1:14', '1:00:00', '10:01:01']);
  assert.deepEqual([0.1, 1, 10, 'max'].map(formatSpeed), ['0.1×', '1×', '10×', 'max']);
});

test('live needs no word of its own', () => {
  assert.deepEqual(say({}), { pill: '', detail: '', spoken: 'Live', isStanding: false });
});

test('paused and delayed say how far behind', () => {
  const behind = { events: 2431, ms: 14_200 };
  assert.deepEqual(say({ mode: 'paused', behind }), { pill: 'Paused −0:14', detail: '2,431 behind', spoken: 'Paused', isStanding: true });
  assert.equal(say({ mode: 'shifted', behind, rate: 2 }).pill, 'Delayed −0:14');
  assert.equal(say({ mode: 'shifted', behind, rate: 2 }).detail, '2,431 behind at 2×');
  assert.match(say({ mode: 'paused', isRecorded: true, behind }).spoken, /The replay goes on/);
});

test('every state of a replay', () => {
  assert.equal(say({ mode: 'replay', isRecorded: true }).pill, 'Replay');
  assert.equal(replay({ speed: 10 }).pill, 'Replay 10×');
  assert.equal(replay({ speed: 'max' }).spoken, 'Replaying at full speed');
  assert.equal(replay({ state: 'paused' }).pill, 'Replay paused');
  assert.equal(replay({ state: 'paused' }, { hasControl: false }).detail, 'by somebody else');
  assert.equal(replay({ state: 'ended' }).pill, 'Replay ended');
  assert.equal(replay({ state: 'seeking' }).isStanding, true);
  assert.equal(replay({ state: 'waiting' }).pill, 'Replay waits');
});

test('a screen that follows a lost connection is neither live nor replaying; one that is held goes on', () => {
  for (const mode of ['live', 'replay']) {
    for (const connection of ['connecting', 'stalled', 'reconnecting', 'closed']) {
      const { pill, spoken } = say({ mode, connection, replay: { speed: 1, state: 'playing' } });
      assert.equal(pill, '', 'the connection has the word');
      assert.doesNotMatch(spoken, /live|replaying/i);
    }
  }
  assert.equal(say({ mode: 'paused', connection: 'reconnecting', behind: { events: 1, ms: 1000 } }).spoken, 'Paused');
});
