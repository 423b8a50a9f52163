/* The bars of one symbol through history, updates, resets, outages and a clock of the reader's own. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createCandleFeed } from '../../web/src/core/candleFeed.js';
import { createClock } from './support/fakes.js';
import { createCandlesFeed, createTimeline } from './support/timeline.js';

const S = 1_000_000;
const START = 1_700_000_040 * S;
const flat = (at, price, volume = '1') => ({ time: START + at * S, open: price, high: price, low: price, close: price, volume });
const trade = (seq, at, price, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq, recv: START + at * S, price, size: '1', ...more });
const answer = (candles, seq, kind = 'trade') => ({ kind, candles, seen: seq ? [['x', 'trade', seq]] : [] });
const closes = (it) => it.candles.bars.map(({ time, close, volume }) => [(time - START) / S, close, volume]);
const settled = async () => { for (let turn = 0; turn < 10; turn++) await null; };

function begin({ mode, nowUs, interval = '1s', isHidden, shownPrice } = {}) {
  const clock = createClock();
  const timeline = createTimeline({ mode, nowUs });
  const feed = createCandlesFeed();
  const { setTimeout, clearTimeout } = clock;
  const it = createCandleFeed({ feed, timeline, setTimeout, clearTimeout, isHidden, shownPrice });
  it.open('A', interval);
  const give = async (...args) => { feed.last.give(answer(...args)); await settled(); };
  const say = (...items) => timeline.say('items', { items, isSnapshot: false });
  return { clock, timeline, feed, it, give, say };
}

test('history, then what comes', async () => {
  const { feed, it, give, say } = begin();
  assert.equal(it.status, 'loading');
  assert.deepEqual([feed.last.symbol, feed.last.interval, feed.last.before], ['A', '1s', undefined]);
  await give([flat(0, '10')], 1);
  assert.deepEqual([it.status, it.isAtStart], ['ready', true]);
  say(trade(2, 1, '11'), { ...trade(9, 1, '99'), symbol: 'B' });
  assert.deepEqual(closes(it), [[0, '10', '1'], [1, '11', '1']]);
});

test('what comes while history is on its way is put in once', async () => {
  const { it, give, say } = begin();
  say(trade(1, 0, '10'), trade(2, 0, '11'));
  say(trade(3, 1, '12'));
  assert.deepEqual(closes(it), []);
  await give([flat(0, '11', '2')], 2);
  assert.deepEqual(closes(it), [[0, '11', '2'], [1, '12', '1']]);
});

test('a symbol without a price is empty, and begins with its first', async () => {
  const { feed, it, say } = begin();
  feed.last.fail(Object.assign(new Error('no price'), { code: 'not_found' }));
  await settled();
  assert.deepEqual([it.status, closes(it)], ['ready', []]);
  say(trade(1, 0, '10'));
  assert.deepEqual(closes(it), [[0, '10', '1']]);
});

test('a failure is told, tried again, and the message stays until it works', async () => {
  const { clock, feed, it, give } = begin();
  feed.last.fail(new Error('refused'));
  await settled();
  assert.deepEqual([it.status, it.error.message], ['error', 'refused']);
  clock.advance(3000);
  assert.deepEqual([feed.asked.length, it.status], [2, 'error']);
  await give([flat(0, '10')], 1);
  assert.deepEqual([it.status, it.error], ['ready', null]);
});

test('another symbol: the old answer is not taken', async () => {
  const { feed, it, give } = begin();
  const [old] = feed.asked;
  it.open('B', '5s');
  assert.equal(old.isAborted, true);
  await give([flat(0, '7')]);
  assert.deepEqual([it.symbol, it.interval.name, closes(it)], ['B', '5s', [[0, '7', '1']]]);
});

test('what was passed over is asked for, once a second at most', async () => {
  const { clock, feed, it, give, say } = begin();
  await give([flat(0, '10')], 1);
  say(trade(5, 1, '11', { skipped: 3 }));
  say(trade(8, 1, '12', { skipped: 2 }));
  assert.equal(feed.asked.length, 1);
  clock.advance(1000);
  assert.deepEqual([feed.asked.length, feed.last.limit], [2, 3]);
  say(trade(9, 1, '13'));
  await give([flat(0, '10', '2'), flat(1, '12', '6')], 8);
  assert.deepEqual(closes(it), [[0, '10', '2'], [1, '13', '7']]);
  clock.advance(60_000);
  assert.equal(feed.asked.length, 2);
});

test('a hidden page asks for nothing until it is looked at', async () => {
  let hidden = true;
  const { clock, feed, it, give, say } = begin({ isHidden: () => hidden });
  await give([flat(0, '10')], 1);
  say(trade(5, 1, '11', { skipped: 3 }));
  clock.advance(60_000);
  assert.equal(feed.asked.length, 1);
  hidden = false;
  it.check();
  clock.advance(0);
  assert.equal(feed.asked.length, 2);
});

test('a first trade after quotes begins anew, as at the server', async () => {
  const { feed, it, give, say } = begin();
  await give([flat(0, '10')], 0, 'quote');
  say(trade(1, 1, '11'));
  assert.deepEqual([feed.asked.length, it.status], [2, 'loading']);
  await give([flat(1, '11')], 1);
  assert.deepEqual([it.candles.kind, closes(it)], ['trade', [[1, '11', '1']]]);
});

test('after a seek the snapshot is waited for: how things stood is in no candle', async () => {
  const { timeline, feed, it, give } = begin({ mode: 'replay' });
  await give([flat(0, '10')], 1);
  timeline.say('reset', { reason: 'seek', epoch: 'e2' });
  assert.deepEqual([it.status, closes(it), feed.asked.length], ['loading', [], 1]);
  timeline.say('items', { items: [trade(1, -60, '9')], isSnapshot: true });
  assert.equal(feed.asked.length, 2);
  await give([], 1);
  assert.deepEqual([it.status, closes(it)], ['ready', []]);
  timeline.say('items', { items: [trade(2, -50, '8')], isSnapshot: false });
  assert.deepEqual(closes(it), [[-50, '8', '1']]);
});

test('a seek to where nothing was: history is asked for all the same', async () => {
  const { clock, timeline, feed, give } = begin({ mode: 'replay' });
  await give([flat(0, '10')], 1);
  timeline.say('reset', { reason: 'seek', epoch: 'e2' });
  clock.advance(3000);
  assert.equal(feed.asked.length, 2);
});

test('a loop begins again at once', async () => {
  const { timeline, feed, it, give } = begin({ mode: 'replay' });
  await give([flat(0, '10')], 9);
  timeline.say('reset', { reason: 'loop', epoch: 'e2' });
  assert.equal(feed.asked.length, 2);
  timeline.say('items', { items: [trade(1, 0, '10')], isSnapshot: false });
  await give([], 0);
  assert.deepEqual(closes(it), [[0, '10', '1']]);
});

test('after an outage the server fills what was missed', async () => {
  const { timeline, feed, it, give } = begin();
  await give([flat(0, '10'), flat(1, '11')], 2);
  timeline.say('hello', { hello: { mode: 'live', isNewEpoch: false } });
  assert.deepEqual([it.status, closes(it).length, feed.last.limit], ['ready', 2, 5000]); // no flicker meanwhile
  await give([flat(1, '11'), flat(5, '12'), flat(6, '13')], 7);
  assert.deepEqual([closes(it).map(([at]) => at), it.gaps], [[0, 1, 5, 6], []]);
});

test('a live server that forgot leaves a hole, a simulation begins anew', async () => {
  const { timeline, it, give } = begin();
  await give([flat(0, '10')], 1);
  timeline.say('hello', { hello: { mode: 'live', isNewEpoch: true } });
  await give([flat(9, '12')], 1);
  assert.deepEqual(it.gaps, [{ from: START + S, to: START + 9 * S, reason: 'restart' }]);
  timeline.say('hello', { hello: { mode: 'sim', isNewEpoch: true } });
  assert.deepEqual([it.status, it.gaps, closes(it)], ['loading', [], []]);
});

test('a source that is down is a gap until it is back', async () => {
  const { timeline, it, give, say } = begin();
  await give([flat(0, '10')], 1);
  say(trade(2, 0, '11'));
  timeline.say('feed', { source: 'other', state: 'down', ts: 1 });
  timeline.say('feed', { source: 'x', state: 'down', ts: START + 5 * S });
  assert.deepEqual(it.gaps.map(({ from, to, reason }) => [from, to, reason]), [[START + 5 * S, undefined, 'down']]);
  timeline.say('feed', { source: 'x', state: 'up', ts: START + 8 * S });
  assert.equal(it.gaps[0].to, START + 8 * S);
});

test('a paused screen does not see what came later', async () => {
  const { timeline, feed, it, give } = begin({ mode: 'paused', nowUs: START + 65.5 * S, interval: '1m' });
  assert.deepEqual([feed.last.interval, feed.last.before], ['1m', START + 65.5 * S]);
  await give([flat(0, '10'), flat(60, '99')], 100);
  assert.equal(feed.last.interval, '1s');
  await give([flat(61, '11'), flat(64, '12'), flat(65, '98')], 100);
  assert.deepEqual(closes(it), [[0, '10', '1'], [60, '12', '2']]);
  timeline.say('items', { items: [trade(50, 66, '13', { skipped: 4 })], isSnapshot: false });
  assert.deepEqual(closes(it)[1], [60, '13', '3']);
  timeline.mode.value = 'live'; // and then it sees all
  assert.deepEqual([feed.last.interval, feed.last.before], ['1m', undefined]);
  await give([flat(0, '10'), flat(60, '99')], 100);
  assert.deepEqual(closes(it)[1], [60, '99', '1']);
});

test('gone back, the bars end where the clock is; a jump forward fills what was not shown', async () => {
  const { timeline, feed, it, give } = begin();
  await give([flat(0, '10'), flat(1, '11'), flat(2, '12')], 3);
  timeline.nowUsValue = START + 1.5 * S;
  timeline.mode.value = 'shifted';
  timeline.say('reset', { reason: 'rewind' });
  timeline.say('items', { items: [trade(1, 0, '10')], isSnapshot: true });
  await give([flat(0, '10'), flat(1, '11')], 3);
  assert.deepEqual(closes(it), [[0, '10', '1']]);
  timeline.nowUsValue = START + 3.5 * S;
  timeline.say('jump', { kind: 'forward' });
  assert.equal(feed.last.before, START + 3.5 * S);
  await give([flat(0, '10'), flat(1, '11'), flat(2, '12')], 3);
  assert.deepEqual(closes(it).length, 3);
});

test('older pages on demand, until there is nothing before', async () => {
  const { feed, it, give } = begin();
  await give(Array.from({ length: 1000 }, (_, at) => flat(at, '10')), 1);
  assert.equal(it.isAtStart, false);
  it.loadOlder();
  it.loadOlder(); // one at a time
  assert.deepEqual([feed.asked.length, feed.last.before, it.isLoadingOlder], [2, START, true]);
  await give([flat(-2, '9')], 1);
  assert.deepEqual([it.isAtStart, it.isLoadingOlder, it.candles.bars.length], [true, false, 1001]);
  it.loadOlder();
  assert.equal(feed.asked.length, 2);
});

test('closed, it listens to nothing any more', async () => {
  const { clock, timeline, feed, it, give, say } = begin();
  await give([flat(0, '10')], 1);
  say(trade(5, 1, '11', { skipped: 3 }));
  it.close();
  clock.advance(60_000);
  assert.deepEqual([timeline.listening, feed.asked.length, clock.pending], [0, 1, 0]);
});

test('an answer that knows more than has come waits for it, though not for ever', async () => {
  const { clock, it, give, say } = begin({ shownPrice: () => '10' });
  say(trade(1, 0, '10'));
  await give([flat(0, '10'), flat(1, '11')], 2);
  assert.deepEqual([it.status, closes(it)], ['loading', []]);
  say(trade(2, 1, '11'));
  await settled();
  assert.deepEqual([it.status, closes(it)], ['ready', [[0, '10', '1'], [1, '11', '1']]]);
  it.open('A', '1s');
  await give([flat(0, '10'), flat(1, '11'), flat(2, '12')], 3);
  assert.equal(it.status, 'loading');
  clock.advance(2000);
  await settled();
  assert.deepEqual(closes(it).at(-1), [2, '12', '1']);
  it.open('A', '1s');
  await give([flat(0, '10')], 9);
  it.close();
  await settled();
  assert.deepEqual([it.status, clock.pending], ['idle', 0]);
});

test('before anything has come, the price that is shown tells whether the answer is ahead', async () => {
  const { it, give, say } = begin({ shownPrice: () => '10.0' });
  await give([flat(0, '11')], 2);
  assert.equal(it.status, 'loading');
  say(trade(2, 0, '11'));
  await settled();
  assert.equal(it.status, 'ready');
  it.open('B', '1s');
  await give([flat(0, '10')]);
  assert.equal(it.status, 'ready');
});

test('while bars are corrected, what comes is shown all the same, and counts once', async () => {
  const { clock, feed, it, give, say } = begin({ shownPrice: () => '10' });
  await give([flat(0, '10')], 1);
  say(trade(5, 1, '12', { skipped: 3 }));
  clock.advance(1000);
  assert.equal(feed.asked.length, 2);
  say(trade(6, 2, '13'));
  assert.deepEqual(closes(it).at(-1), [2, '13', '1']);
  await give([flat(1, '12', '4'), flat(2, '13', '1')], 6);
  say(trade(7, 2, '14'));
  assert.deepEqual(closes(it), [[0, '10', '1'], [1, '12', '4'], [2, '14', '2']]);
});
