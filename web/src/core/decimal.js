/**
 * Exact decimal arithmetic on the texts the server sends. A price never passes through a double:
 * 0.1 + 0.2 noise in a price list would be a lie.
 *
 * @typedef {{value: bigint, scale: number}} Decimal value × 10^-scale
 */

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** @param {string|undefined} text @returns {Decimal|null} null when it is not a plain decimal */
export function parseDecimal(text) {
  if (typeof text !== 'string' || !DECIMAL.test(text)) return null;
  const point = text.indexOf('.');
  if (point < 0) return { value: BigInt(text), scale: 0 };
  const digits = text.slice(0, point) + text.slice(point + 1);
  return { value: BigInt(digits), scale: text.length - point - 1 };
}

/** @returns {string} plain text with exactly `scale` digits after the point */
export function decimalText({ value, scale }) {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const text = scale > 0 ? `${whole}.${digits.slice(-scale)}` : whole;
  return value < 0n ? `-${text}` : text;
}

/** @param {Decimal} a @param {Decimal} b @returns {Decimal} a − b */
export function subtract(a, b) {
  const [x, y, scale] = align(a, b);
  return { value: x - y, scale };
}

/** @param {Decimal} a @param {Decimal} b @returns {Decimal} a + b */
export function add(a, b) {
  const [x, y, scale] = align(a, b);
  return { value: x + y, scale };
}

/** -1, 0 or 1 as the text `a` is below, equal to or above `b`; 0 when one is not a decimal. */
export function compareTexts(a, b) {
  const left = parseDecimal(a);
  const right = parseDecimal(b);
  if (!left || !right) return 0;
  const [x, y] = align(left, right);
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * 100 × part ÷ whole, rounded half away from zero to `digits` places.
 * @returns {Decimal|null} null when the whole is zero
 */
export function percentOf(part, whole, digits) {
  const [x, y] = align(part, whole);
  if (y === 0n) return null;
  const scaled = (x < 0n ? -x : x) * 100n * 10n ** BigInt(digits);
  const divisor = y < 0n ? -y : y;
  const rounded = (2n * scaled + divisor) / (2n * divisor);
  return { value: x < 0n ? -rounded : rounded, scale: digits };
}

/** How many digits after the point matter: 2 for "61837.63000000". */
export function significantFraction(text) {
  const point = text.indexOf('.');
  if (point < 0) return 0;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  return Math.max(0, end - point - 1);
}

function align(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return [raise(a, scale), raise(b, scale), scale];
}

function raise({ value, scale }, to) {
  return scale === to ? value : value * 10n ** BigInt(to - scale);
}
