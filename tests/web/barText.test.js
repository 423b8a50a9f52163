/* Bars in words, for those who do not see the chart. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { describeBar, describeBars, describeNoBars, formatMoment, formatSpan, formatVolume } from '../../web/src/core/barText.js';

const S = 1_000_000;
const T = Date.UTC(2024, 7, 8, 23, 55) * 1000;
const bar = (at, open, high, low, close, volume) => ({ time: T + at * 60 * S, open, high, low, close, volume });
const describe = (bars, more) => describeBars({ symbol: 'A', interval: { title: '1 minute' }, candles: { bars, kind: 'trade', span: 60 * S, ...more } });

test('a chart is said in a few sentences, exactly', () => {
  const bars = [bar(0, '61837.63000000', '61900', '61800.5', '61850', '1.5'), bar(1, '61850', '61999.9', '61849', '61999.9', '0.25')];
  assert.equal(describe(bars), 'A, 2 bars of 1 minute, from 2024-08-08 23:55 to 2024-08-08 23:56 UTC. Last 61,999.9, up +0.26\u2009% over these bars. '
    + 'Highest 61,999.9 at 2024-08-08 23:56, lowest 61,800.5 at 2024-08-08 23:55. Volume 1.75.');
});

test('one bar, none, one that did not move, and bars of quotes', () => {
  assert.match(describe([bar(0, '1', '1', '1', '1', '0')]), /^A, 1 bar of .*\. Last 1, unchanged over these bars\..* Volume 0\.$/);
  assert.equal(describe([]), 'A: no bars.');
  const quotes = describe([bar(0, '1', '2', '0.5', '0.75', '0')], { kind: 'quote' });
  assert.match(quotes, /UTC, the middle of quotes\. Last 0\.75, down \u221225\.00\u2009% over/);
  assert.doesNotMatch(quotes, /Volume/);
});

test('a volume of which a part is not known is not said', () => {
  assert.doesNotMatch(describe([bar(0, '1', '1', '1', '1', '5'), bar(1, '1', '1', '1', '1', null)]), /Volume/);
});

test('that there are no bars yet is said only by who would have heard of them', () => {
  const say = (more) => describeNoBars({ status: 'ready', error: null, connection: 'live', isPast: false, ...more }).title;
  assert.equal(say({}), 'No bars yet');
  assert.equal(say({ status: 'loading' }), '');
  for (const status of ['ready', 'loading', 'idle']) {
    for (const connection of ['connecting', 'reconnecting']) assert.equal(say({ status, connection }), 'Waiting for the connection');
    assert.equal(say({ status, connection: 'closed' }), 'Not connected');
    assert.equal(say({ status, connection: 'stalled' }), 'Nothing comes from the server');
  }
  assert.equal(say({ isPast: true }), 'No bars at this moment');
});

test('a refusal is said with its reason; that nobody answers is the connection\'s to say while it is away', () => {
  const say = (connection, code) => describeNoBars({ status: 'error', error: Object.assign(new Error('so'), { code }), connection, isPast: false });
  assert.deepEqual(say('live', 'internal'), { title: 'No candles', text: 'The server did not answer: so. It is asked again every few seconds.', canAsk: true });
  assert.equal(say('live', 'network').title, 'No candles');
  assert.equal(say('reconnecting', 'internal').title, 'No candles');
  assert.equal(say('reconnecting', 'network').title, 'Waiting for the connection');
});

test('a bar is a line', () => {
  assert.equal(describeBar(bar(0, '1.50', '12345.5', '1', '2', '7.000'), 60 * S), '2024-08-08 23:55  O 1.50  H 12,345.5  L 1  C 2  V 7.00');
  assert.equal(describeBar(bar(0, '1', '1', '1', '1', null), 86_400 * S), '2024-08-08  O 1  H 1  L 1  C 1');
});

test('volumes on an axis are short', () => {
  assert.deepEqual([0, 1, 12.34, 999, 1234, 99_940, 1_500_000, 2e9, 1e13, 0.000123].map(formatVolume), ['0', '1', '12.3', '999', '1.2k', '99.9k', '1.5M', '2B', '10T', '0.00012']);
  assert.equal(formatVolume(-1500), '-1.5k');
});

test('spans and moments are as exact as the bars', () => {
  assert.deepEqual([40, 119, 120, 1020, 7199, 7200, 172_799, 172_800].map((seconds) => formatSpan(seconds * S)), ['40 s', '119 s', '2 min', '17 min', '120 min', '2 h', '48 h', '2 d']);
  assert.deepEqual([1, 60, 3600, 86_400].map((seconds) => formatMoment(T / S + 7, seconds * S)), ['2024-08-08 23:55:07', '2024-08-08 23:55', '2024-08-08 23:55', '2024-08-08']);
  assert.equal(formatMoment(9e20), '900000000000000000000');
});
