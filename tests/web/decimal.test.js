/* Exactness: a price never passes through a double. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  compareTexts, decimalText, parseDecimal, percentOf, significantFraction, subtract,
} from '../../web/src/core/decimal.js';

const minus = (a, b) => decimalText(subtract(parseDecimal(a), parseDecimal(b)));
const percent = (a, b, digits = 2) => {
  const result = percentOf(parseDecimal(a), parseDecimal(b), digits);
  return result && decimalText(result);
};

test('a text comes back as it was', () => {
  for (const text of ['0', '7', '-7', '0.000027850', '61837.63000000', '-0.5', '1234567890123456789012345678.901234567890'])
    assert.equal(decimalText(parseDecimal(text)), text);
});

test('what is not a plain decimal is refused', () => {
  for (const text of ['', '.', '1.', '.5', '1e5', 'NaN', '+1', ' 1', '1,000', '--1', undefined, null, 5])
    assert.equal(parseDecimal(text), null);
});

test('differences carry no float noise', () => {
  assert.equal(minus('0.3', '0.1'), '0.2');
  assert.equal(minus('61837.63000000', '61836.5'), '1.13000000');
  assert.equal(minus('1', '1.00'), '0.00');
  assert.equal(minus('-1.5', '2.25'), '-3.75');
});

test('forty digits subtract exactly', () => {
  assert.equal(minus('1234567890123456789012345678901234567890', '1234567890123456789012345678901234567889'), '1');
  assert.equal(minus('0.0000000000000000000000000000000000000002', '0.0000000000000000000000000000000000000001'),
    '0.0000000000000000000000000000000000000001');
});

test('percentages round half away from zero, on both sides', () => {
  assert.equal(percent('1', '800'), '0.13'); // 0.125
  assert.equal(percent('-1', '800'), '-0.13');
  assert.equal(percent('1', '-800'), '0.13'); // of the size of the whole: up stays up
  assert.equal(percent('1', '3', 8), '33.33333333');
});

test('a percentage of zero does not exist', () => {
  assert.equal(percent('1', '0.00'), null);
});

test('comparison sees what a double cannot', () => {
  assert.equal(compareTexts('9007199254740993', '9007199254740992'), 1);
  assert.equal(compareTexts('1.10', '1.1'), 0);
  assert.equal(compareTexts('-2', '-1'), -1);
  assert.equal(compareTexts('x', '1'), 0);
});

test('padding zeros do not count as digits', () => {
  assert.equal(significantFraction('61837.63000000'), 2);
  assert.equal(significantFraction('0.000027850'), 8);
  assert.equal(significantFraction('100'), 0);
  assert.equal(significantFraction('1.000'), 0);
});
