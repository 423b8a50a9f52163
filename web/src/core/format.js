/** Values to words: pure functions, no DOM. */
import { add, decimalText, parseDecimal, percentOf, significantFraction, subtract } from './decimal.js';

export const NOTHING = '—';
const MINUS = '\u2212';
const THIN_SPACE = '\u2009';
const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];
const FRACTION_MIN = 2; // "12.50" is a price, "12.5" an accident
const SUBSCRIPT_FROM = 4; // zeros after the point: from here on they are counted rather than read

/** "-61837.63" → "−61,837.63". Every digit is kept as it was. */
export function groupDigits(text) {
  const sign = text.startsWith('-') ? MINUS : '';
  const start = sign ? 1 : 0;
  const point = text.indexOf('.');
  const end = point < 0 ? text.length : point;
  let out = text.slice(end);
  let at = end;
  for (; at - 3 > start; at -= 3) out = `,${text.slice(at - 3, at)}${out}`;
  return sign + text.slice(start, at) + out;
}

/**
 * Splits a price into what matters and the zeros a source pads with, so that those can be dimmed.
 * @param {number} significant digits after the point that this row has ever used
 * @returns {[string, string]} grouped, together exactly the price
 */
export function splitPrice(text, significant) {
  const grouped = groupDigits(text);
  const point = grouped.indexOf('.');
  if (point < 0) return [grouped, ''];
  const cut = point + 1 + Math.max(significant, FRACTION_MIN);
  return [grouped.slice(0, cut), grouped.slice(cut)];
}

/** A price without the zeros that its source pads with, for where there is little room. */
export function trimPrice(text, significant = significantFraction(text)) {
  return splitPrice(text, significant)[0];
}

/**
 * The move from one price to another, computed exactly.
 * @returns {{direction: -1|0|1, absolute: string, percent: string, key: number}|null}
 *   `key` orders rows by percentage; null when either is not a decimal
 */
export function describeChange(from, to, significant = FRACTION_MIN) {
  const first = parseDecimal(from);
  const last = parseDecimal(to);
  if (!first || !last) return null;
  const move = subtract(last, first);
  const direction = move.value > 0n ? 1 : move.value < 0n ? -1 : 0;
  const percent = percentOf(move, first, 2);
  const fine = percentOf(move, first, 8);
  return {
    direction,
    absolute: signed(trimZeros(decimalText(move), significant), direction),
    percent: percent ? `${signed(decimalText(percent), direction)}${THIN_SPACE}%` : NOTHING,
    key: fine ? Number(decimalText(fine)) : direction * Infinity,
  };
}

/** "now", "7 s", "4 min", "3 h", "12 d": coarse on purpose, an age is read at a glance. */
export function formatAge(ms) {
  if (!Number.isFinite(ms)) return NOTHING;
  if (ms < 1000) return 'now';
  const seconds = Math.floor(ms / 1000);
  if (seconds < 100) return `${seconds}${THIN_SPACE}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 100) return `${minutes}${THIN_SPACE}min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}${THIN_SPACE}h` : `${Math.floor(hours / 24)}${THIN_SPACE}d`;
}

/** A count: "18,400". */
export function formatCount(number) {
  return groupDigits(String(Math.round(number)));
}

/** A decimal in three digits: "1.24 M". Cut, not rounded: never more than there is. */
export function formatCompact(text) {
  if (text === undefined || text === null) return NOTHING;
  const digits = text.replace(/^-/, '').split('.')[0].replace(/^0+(?=\d)/, '');
  const step = Math.min(UNITS.length - 1, Math.floor((digits.length - 1) / 3));
  const sign = text.startsWith('-') ? MINUS : '';
  if (step === 0) return sign + groupDigits(text.replace(/^-/, '')).slice(0, 5).replace(/\.$/, '');
  const whole = digits.slice(0, digits.length - 3 * step);
  const more = digits.slice(whole.length, Math.max(whole.length, 3));
  return `${sign}${groupDigits(whole)}${more ? `.${more}` : ''}${THIN_SPACE}${UNITS[step]}`;
}

/**
 * A figure for a narrow place: "+0.000000123" → "+0.0₆123" (six zeros), "+12,345.678901" → "+12,345.67…",
 * "−1,234,567.89" → "−1.23 M", forty digits → "1.23e39". Cut, never rounded; one that fits stays as it is.
 * @param {string} text grouped @param {number} [room] in characters
 */
export function shortenFigure(text, room = 10) {
  if (text.length <= room) return text;
  const [, sign, whole, fraction = ''] = /^([+\u2212]?)([\d,]+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return text;
  const zeros = fraction.search(/[1-9]/);
  if (whole === '0' && zeros < 0) return `0.${'0'.repeat(FRACTION_MIN)}`;
  if (whole === '0' && zeros >= SUBSCRIPT_FROM) return cut(`${sign}0.0${subscript(zeros)}${fraction.slice(zeros)}`, room);
  if (sign.length + whole.length < room) return cut(text, room);
  const digits = whole.replaceAll(',', '');
  return sign + (digits.length <= 3 * UNITS.length ? formatCompact(digits) : `${digits[0]}.${digits.slice(1, 3)}e${digits.length - 1}`);
}

/** A price of almost nothing, of which a narrow place would show zeros alone; any other as it is. @param {string} text grouped */
export function shortenSmall(text, room) {
  return text.length > room && /^\u2212?0\.0{4}/.test(text) ? shortenFigure(text, room) : text;
}

/** Ask less bid in basis points of the middle: "1.6". */
export function formatSpread(bid, ask) {
  const low = parseDecimal(bid);
  const high = parseDecimal(ask);
  if (!low || !high) return NOTHING;
  const doubled = percentOf(subtract(high, low), add(high, low), 4); // of twice the middle
  if (!doubled) return NOTHING;
  const value = (doubled.value * 2n + (doubled.value < 0n ? -5n : 5n)) / 10n; // in tenths of a basis point
  return signed(decimalText({ value, scale: 1 }), value < 0n ? -1 : 0);
}

/** How many became one: "1:1", "6:1". */
export function formatRatio(ratio) {
  return `${ratio < 9.5 && ratio >= 1.05 ? ratio.toFixed(1) : formatCount(ratio)}:1`;
}

/** A rate: "0.4", "18", "18,400". */
export function formatRate(perSecond) {
  if (!Number.isFinite(perSecond)) return NOTHING;
  return perSecond < 9.95 ? perSecond.toFixed(1) : formatCount(perSecond);
}

/** Microseconds since the epoch → "2024-08-08 23:55:07 UTC". */
export function formatTime(us) {
  const date = new Date(us / 1000);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A round trip: "<1 ms", "23 ms". */
export function formatLatency(ms) {
  if (ms === undefined) return '';
  return ms < 1 ? `<1${THIN_SPACE}ms` : `${Math.round(ms)}${THIN_SPACE}ms`;
}

function cut(text, room) {
  return text.length <= room ? text : `${text.slice(0, room - 1).replace(/[.,]$/, '')}…`;
}

function subscript(number) {
  return String(number).replace(/\d/g, (digit) => String.fromCharCode(0x2080 + Number(digit)));
}

function signed(text, direction) {
  const digits = groupDigits(text.replace('-', ''));
  return (direction > 0 ? '+' : direction < 0 ? MINUS : '') + digits;
}

function trimZeros(text, keep) {
  const point = text.indexOf('.');
  if (point < 0) return text;
  let end = text.length;
  const shortest = point + 1 + Math.max(keep, FRACTION_MIN);
  while (end > shortest && text.charCodeAt(end - 1) === 48) end--;
  return text.slice(0, end);
}
