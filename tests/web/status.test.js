/* The sentences about the connection: true, short, and none of them a lie by omission. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { describeConnection, describeRecovery } from '../../web/src/core/status.js';

const facts = { now: 1000, host: 'localhost:8080', silentMs: 0, attempt: 4 };
const say = (state, more) => describeConnection(state, { ...facts, ...more });

test('live says the round trip once it is known, and needs no note', () => {
  assert.equal(say('live').pill, 'Live');
  assert.equal(say('live', { rttMs: 23 }).pill, 'Live 23\u2009ms');
  assert.equal(say('live').note, '');
});

test('a replay is connected, never live', () => {
  const { pill, spoken } = say('live', { isReplay: true, rttMs: 4 });
  assert.deepEqual([pill, spoken], ['Connected 4\u2009ms', 'Connected']);
});

test('stalled says for how long and warns about the prices', () => {
  const { note, detail } = say('stalled', { silentMs: 12_600 });
  assert.equal(note, 'Nothing received for 13 s.');
  assert.match(detail, /out of date/);
});

test('reconnecting counts down, counts tries and offers to try now', () => {
  const { note, detail, action } = say('reconnecting', { retryAt: 3100 });
  assert.equal(note, 'Reconnecting in 3 s (try 4).');
  assert.match(detail, /last known/);
  assert.equal(action, 'Retry now');
});

test('while dialling there is nothing to press', () => {
  const { note, action } = say('reconnecting', { retryAt: undefined });
  assert.match(note, /^Reconnecting now \(try 4\)/);
  assert.equal(action, '');
});

test('a countdown never says zero', () => {
  assert.match(say('reconnecting', { retryAt: 900 }).note, /in 1 s/);
});

test('an announced shutdown is named', () => {
  assert.match(say('reconnecting', { retryAt: 2000, reason: 'server shut down' }).note, /^The server shut down\./);
});

test('the end gives reason, code and a way back', () => {
  const { note, action } = say('closed', { reason: 'token expired', code: 4401 });
  assert.equal(note, 'Token expired (code 4401).');
  assert.equal(action, 'Reconnect');
});

test('every state is spoken, and no countdown is', () => {
  for (const state of ['connecting', 'live', 'stalled', 'reconnecting', 'closed']) {
    assert.ok(say(state).spoken.length > 0);
    assert.doesNotMatch(say(state, { retryAt: 5000, rttMs: 23, silentMs: 9000 }).spoken, /\d/);
  }
});

test('what a reconnect brought back is told with its loss', () => {
  const tell = (more) => describeRecovery({ recovered: 0, lost: 0, isNewEpoch: false, awayMs: 0, ...more });
  assert.deepEqual(tell({ recovered: 1204 }), { kind: 'good', text: 'Caught up: 1,204 recovered, 0 lost' });
  assert.deepEqual(tell({ recovered: 5, lost: 312, awayMs: 5200 }),
    { kind: 'warn', text: 'Gap after 5\u2009s: 312 updates lost, 5 recovered' });
  const from = Date.UTC(2024, 2, 5, 10, 31, 4) * 1000;
  assert.equal(tell({ recovered: 5, lost: 312, outage: { from, to: from + 5_000_000 } }).text, 'Gap 10:31:04\u201310:31:09: 312 updates lost, 5 recovered');
  assert.equal(tell({ lost: 1, outage: { from, to: from + 100_000 } }).text, 'Gap at 10:31:04: 1 update lost, 0 recovered');
  assert.match(tell({ isNewEpoch: true }).text, /nobody knows/);
});
