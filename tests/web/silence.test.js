/* When silence means something, on a clock of plain numbers. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Silence } from '../../web/client/silence.js';

/** Heard something at 0. */
function listen(options = {}) {
  const silence = new Silence({ heartbeatMs: 5_000, stallFactor: 2.5, pingMs: 10_000, ...options });
  silence.heard(0);
  return silence;
}

test('two and a half heartbeats are stalled, five are lost', () => {
  const silence = listen();
  assert.deepEqual(silence.judge(12_499), { verdict: 'live', againMs: 1 });
  assert.deepEqual(silence.judge(12_500), { verdict: 'stalled', againMs: 12_500 });
  assert.deepEqual(silence.judge(24_999), { verdict: 'stalled', againMs: 1 });
  assert.equal(silence.judge(25_000).verdict, 'lost');
});

test('where pings are sent more often than heartbeats, their silence counts', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  for (const at of [10_000, 20_000]) silence.asked(at);
  assert.equal(silence.judge(24_999).verdict, 'live');
  assert.equal(silence.judge(25_000).verdict, 'stalled');
  for (const at of [25_000, 35_000, 45_000]) silence.asked(at);
  assert.deepEqual(silence.judge(49_999), { verdict: 'stalled', againMs: 1 });
  assert.equal(silence.judge(50_000).verdict, 'lost');
});

test('a ping right after the last message makes nothing stall sooner', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  for (const at of [1, 10_001, 20_001]) silence.asked(at);
  assert.equal(silence.judge(24_999).verdict, 'live');
  assert.equal(silence.judge(25_000).verdict, 'stalled');
});

test('whoever was not asked need not answer: only heartbeats count', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  assert.equal(silence.judge(99_999).verdict, 'live');
  assert.equal(silence.judge(100_000).verdict, 'stalled');
});

test('a ping that was held back is waited for from when it was sent', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  silence.asked(60_000);
  assert.deepEqual(silence.judge(60_000), { verdict: 'live', againMs: 15_000 });
  silence.heard(60_001); // the answer
  assert.equal(silence.judge(90_000).verdict, 'live');
});

test('a page that slept over its pings did not wait for them', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  silence.asked(10_000);
  silence.asked(70_000); // a minute later: the answer to the first one may be on its way up
  assert.deepEqual(silence.judge(70_000), { verdict: 'live', againMs: 5_000 });
  assert.equal(silence.judge(75_000).verdict, 'stalled');
});

test('anything heard answers all pings, also in the millisecond of the question', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  for (let at = 10_000; at <= 100_000; at += 10_000) {
    silence.asked(at);
    silence.heard(at);
  }
  assert.equal(silence.judge(100_000 + 24_999).verdict, 'live');
});

test('no verdict changes before the time that is told', () => {
  const silence = listen({ heartbeatMs: 40_000 });
  let verdict = 'live';
  let due = silence.judge(0).againMs;
  for (let now = 0; verdict !== 'lost'; now += 500) {
    if (now > 0 && now % 10_000 === 0) silence.asked(now);
    const told = silence.judge(now);
    if (now < due) assert.equal(told.verdict, verdict, `at ${now}, though not before ${due}`);
    verdict = told.verdict;
    due = now + told.againMs;
  }
});
