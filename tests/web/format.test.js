/* What the reader sees. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  describeChange, formatAge, formatCompact, formatCount, formatLatency, formatRate, formatRatio, formatSpread, formatTime,
  groupDigits, shortenFigure, shortenSmall, splitPrice,
} from '../../web/src/core/format.js';

const MINUS = '\u2212';
const THIN = '\u2009';

test('thousands are grouped and every digit is kept', () => {
  const cases = [['0', '0'], ['999', '999'], ['1000', '1,000'], ['-1000', `${MINUS}1,000`], ['-999.5', `${MINUS}999.5`],
    ['61837.63000000', '61,837.63000000'], ['1234567', '1,234,567'], ['123456', '123,456'],
    ['1234567890123456789012345678901234567890', '1,234,567,890,123,456,789,012,345,678,901,234,567,890']];
  for (const [text, shown] of cases) assert.equal(groupDigits(text), shown);
});

test('padding zeros are split off, and together it is the price', () => {
  assert.deepEqual(splitPrice('61837.63000000', 2), ['61,837.63', '000000']);
  assert.deepEqual(splitPrice('12.5000', 1), ['12.50', '00']); // at least two
  assert.deepEqual(splitPrice('0.000027850', 9), ['0.000027850', '']);
  assert.deepEqual(splitPrice('5', 0), ['5', '']);
  for (let digits = 0; digits < 10; digits++)
    assert.equal(splitPrice('61837.63000000', digits).join(''), '61,837.63000000');
});

test('a change carries sign, percentage and direction', () => {
  assert.deepEqual(describeChange('100.00', '101.5', 2),
    { direction: 1, absolute: '+1.50', percent: `+1.50${THIN}%`, key: 1.5 });
  assert.deepEqual(describeChange('61837.63000000', '61836.50000000', 2),
    { direction: -1, absolute: `${MINUS}1.13`, percent: `${MINUS}0.00${THIN}%`, key: -0.00182737 });
});

test('no change has no sign', () => {
  const change = describeChange('5.00', '5.0', 2);
  assert.equal(change.direction, 0);
  assert.equal(change.absolute, '0.00');
  assert.equal(change.percent, `0.00${THIN}%`);
});

test('0.1 and 0.3 differ by 0.2 and nothing else', () => {
  assert.equal(describeChange('0.1', '0.3', 1).absolute, '+0.2');
});

test('a change from zero has no percentage but still an order', () => {
  assert.equal(describeChange('0', '1').percent, '—');
  assert.equal(describeChange('0', '1').key, Infinity);
});

test('a missing price has no change', () => {
  assert.equal(describeChange(undefined, '1'), null);
  assert.equal(describeChange('1', undefined), null);
});

test('ages are coarse and never negative words', () => {
  const cases = [[0, 'now'], [999, 'now'], [1000, `1${THIN}s`], [99_999, `99${THIN}s`], [100_000, `1${THIN}min`],
    [6_000_000, `1${THIN}h`], [172_800_000, `2${THIN}d`], [NaN, '—'], [Infinity, '—']];
  for (const [ms, text] of cases) assert.equal(formatAge(ms), text);
});

test('counts, times and round trips', () => {
  assert.equal(formatCount(18400.4), '18,400');
  assert.equal(formatTime(1723161307000000), '2024-08-08 23:55:07 UTC');
  assert.equal(formatTime(NaN), '—');
  assert.equal(formatTime(9e30), '—');
  assert.equal(formatLatency(0.4), `<1${THIN}ms`);
  assert.equal(formatLatency(22.6), `23${THIN}ms`);
  assert.equal(formatLatency(undefined), '');
});

test('volumes are said in three digits, cut and never rounded up', () => {
  const cases = [['0', '0'], ['0.51234567', '0.512'], ['12.3', '12.3'], ['999.9', '999.9'], ['1000', `1.00${THIN}k`], ['12999.9', `12.9${THIN}k`],
    ['999999', `999${THIN}k`], ['1234567.8', `1.23${THIN}M`], ['-1234567', `${MINUS}1.23${THIN}M`], ['1234567890123', `1.23${THIN}T`],
    ['1234567890123456789012', `1,234,567${THIN}P`]];
  for (const [text, wanted] of cases) assert.equal(formatCompact(text), wanted, text);
  assert.equal(formatCompact(undefined), '—');
  assert.equal(formatCompact(null), '—');
});

test('a spread is basis points of the middle', () => {
  assert.equal(formatSpread('99.99', '100.01'), '2.0');
  assert.equal(formatSpread('61837.62', '61837.63'), '0.0');
  assert.equal(formatSpread('1.08422', '1.08424'), '0.2');
  assert.equal(formatSpread('0.9', '1.1'), '2,000.0');
  assert.equal(formatSpread('2', '1'), `${MINUS}6,666.7`);
  for (const [bid, ask] of [[undefined, '1'], ['1', undefined], ['0', '0']]) assert.equal(formatSpread(bid, ask), '—');
});

test('rates and ratios are as exact as they are read', () => {
  assert.deepEqual([0, 0.44, 9.94, 18.3, 18_400].map(formatRate), ['0.0', '0.4', '9.9', '18', '18,400']);
  assert.equal(formatRate(NaN), '—');
  assert.deepEqual([1, 1.04, 1.5, 9.4, 9.6, 60].map(formatRatio), ['1:1', '1:1', '1.5:1', '9.4:1', '10:1', '60:1']);
});

test('a figure too long for its place is cut where that says most, and never rounded', () => {
  const cases = [['+1.50', '+1.50'], ['+0.00123', '+0.00123'], ['+0.000000123', '+0.0₆123'], [`${MINUS}0.00000001`, `${MINUS}0.0₇1`],
    ['+0.00001999999999999', '+0.0₄1999…'], ['+0.000199999999', '+0.000199…'], ['0.000000000', '0.00'], ['+0.00000000000000000000000123', '+0.0₂₃123'],
    ['+12,345.678901', '+12,345.6…'], [`${MINUS}1,234,567.89`, `${MINUS}1.23${THIN}M`], ['+123,456.78', '+123,456…'],
    ['+1,234,567,890,123,456,789,012,345.5', '+1.23e24'], ['1,234,567,890,123,456', `1.23${THIN}P`], ['—', '—']];
  for (const [text, shown] of cases) assert.equal(shortenFigure(text), shown, text);
});

test('a tiny price shows its digits where there is little room', () => {
  assert.equal(shortenSmall(`0.${'0'.repeat(30)}126`, 14), '0.0₃₀126');
  for (const text of ['0.000013920', '0.0000139', '61,837.63', '1,234,567,890,123,456,789', '0.0012345678901234', '−0.5']) assert.equal(shortenSmall(text, 14), text);
});
