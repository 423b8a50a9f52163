/** What time it is on the screen, in words: pure, so that every sentence is tested. */
import { formatCount } from './format.js';

const MINUS = '\u2212';
const TIMES = '×';

/** Microseconds since 1970 → "09:31:07.4", UTC. @param {boolean} [hasTenths] */
export function formatClock(us, hasTenths = false) {
  const text = isoOf(us);
  return text === '' ? '—' : text.slice(11, hasTenths ? 21 : 19);
}

/** → "2024-03-05" */
export function formatDay(us) {
  return isoOf(us).slice(0, 10);
}

/** 74 000 ms → "1:14"; hours where there are any. */
export function formatSpan(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value) => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** "10×", "max" */
export function formatSpeed(speed) {
  return speed === 'max' ? 'max' : `${Number(speed.toFixed(2))}${TIMES}`;
}

/**
 * What the screen shows, as opposed to how the connection is.
 * @param {{mode: string, isRecorded: boolean, hasControl: boolean, rate: number, connection?: string,
 *   behind: {events: number, ms: number}, replay: import('./replay.js').ReplayView|null}} facts
 *   `connection`: its state; a screen that follows a lost one shows nothing of now
 * @returns {{pill: string, detail: string, spoken: string, isStanding: boolean}} `pill` is empty where the
 *   connection's own word is the right one; `spoken` is left alone while only numbers change
 */
export function describeClock({ mode, isRecorded, hasControl, rate, behind, replay, connection = 'live' }) {
  const span = `${MINUS}${formatSpan(behind.ms)}`;
  const count = `${formatCount(behind.events)} behind`;
  if (mode === 'paused') {
    return words(`Paused ${span}`, count, isRecorded ? 'This screen is paused. The replay goes on.' : 'Paused', true);
  }
  if (mode === 'shifted') {
    const speed = rate === 1 ? '' : ` at ${formatSpeed(rate)}`;
    return words(`Delayed ${span}`, `${count}${speed}`, 'Showing the past, moving on', false);
  }
  if (connection === 'connecting') return words('', '', 'Connecting', false);
  if (connection !== 'live') return words('', '', 'Showing the last known prices', false);
  if (mode !== 'replay') return words('', '', 'Live', false);
  if (!replay) return words('Replay', '', 'Replay', false);
  const speed = formatSpeed(replay.speed ?? 1);
  switch (replay.state) {
    case 'paused': return words('Replay paused', hasControl ? '' : 'by somebody else', 'The replay is paused', true);
    case 'ended': return words('Replay ended', '', 'The replay has ended', true);
    case 'seeking': return words('Seeking…', '', 'Seeking', true);
    case 'waiting': return words('Replay waits', 'for clients', 'The replay waits for clients', true);
    default: return words(`Replay ${speed}`, '', `Replaying at ${replay.speed === 'max' ? 'full speed' : `speed ${replay.speed}`}`, false);
  }
}

function words(pill, detail, spoken, isStanding) {
  return { pill, detail, spoken, isStanding };
}

function isoOf(us) {
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}
