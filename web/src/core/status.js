/**
 * The connection in words: what the pill says, what the strip under it explains, what is spoken.
 * Pure, so that every sentence is tested.
 */
import { formatClock } from './clockwords.js';
import { formatAge, formatCount, formatLatency } from './format.js';

/**
 * @param {import('../client/pricecast.js').State} state
 * @param {{now: number, host: string, isReplay?: boolean, rttMs?: number, silentMs: number,
 *   attempt?: number, retryAt?: number, reason?: string, code?: number}} facts
 * @returns {{pill: string, note: string, detail: string, action: string, spoken: string}} empty: nothing
 *   to say; `detail` is left out where there is little room
 */
export function describeConnection(state, facts) {
  switch (state) {
    case 'connecting':
      return words('Connecting', { note: `Connecting to ${facts.host}…`, spoken: 'Connecting' });
    case 'live': {
      const word = facts.isReplay ? 'Connected' : 'Live'; // a recording is not live, its connection is
      return words(`${word} ${formatLatency(facts.rttMs)}`.trim(), { spoken: word });
    }
    case 'stalled':
      return words('Stalled', {
        note: `Nothing received for ${(facts.silentMs / 1000).toFixed(0)} s.`,
        detail: 'Prices below may be out of date.',
        spoken: 'Stalled. Prices may be out of date.',
      });
    case 'reconnecting':
      return words('Reconnecting', {
        note: describeRetry(facts),
        detail: 'Prices below are the last known.',
        action: facts.retryAt === undefined ? '' : 'Retry now',
        spoken: 'Connection lost. Reconnecting.',
      });
    default:
      return words('Disconnected', {
        note: describeEnd(facts),
        detail: 'Prices below are the last known.',
        action: 'Reconnect',
        spoken: 'Disconnected.',
      });
  }
}

/**
 * Why nothing may be said about what is not there: only a page that hears the server knows that nothing has
 * happened yet.
 * @param {import('../client/pricecast.js').State} state @returns {string} empty: it hears the server
 */
export function describeDeafness(state) {
  switch (state) {
    case 'live': return '';
    case 'stalled': return 'Nothing comes from the server';
    case 'closed': return 'Not connected';
    default: return 'Waiting for the connection';
  }
}

/**
 * What a reconnect brought back. @param {{recovered: number, lost: number, isNewEpoch: boolean, awayMs: number,
 *   outage?: {from: number, to: number}|null}} facts `outage`: when nothing came, µs
 * @returns {{text: string, kind: 'good'|'warn'}}
 */
export function describeRecovery({ recovered, lost, isNewEpoch, awayMs, outage }) {
  const away = awayMs >= 1000 ? ` after ${formatAge(awayMs)}` : '';
  if (isNewEpoch) return { kind: 'warn', text: `Reconnected${away}: the server began anew, so nobody knows what was missed` };
  if (lost > 0) return { kind: 'warn', text: `Gap${outage ? ` ${describeSpan(outage)}` : away}: ${formatCount(lost)} ${lost === 1 ? 'update' : 'updates'} lost, ${formatCount(recovered)} recovered` };
  return { kind: 'good', text: `Caught up${away}: ${formatCount(recovered)} recovered, 0 lost` };
}

function describeSpan({ from, to }) {
  const [begin, end] = [formatClock(from), formatClock(to)];
  return begin === end ? `at ${begin}` : `${begin}\u2013${end}`;
}

function describeRetry({ now, retryAt, attempt, reason }) {
  const lead = reason === 'server shut down' ? 'The server shut down. ' : '';
  if (retryAt === undefined) return `${lead}Reconnecting now (try ${attempt}).`;
  const seconds = Math.max(1, Math.ceil((retryAt - now) / 1000));
  return `${lead}Reconnecting in ${seconds} s (try ${attempt}).`;
}

function describeEnd({ reason, code }) {
  const text = reason || 'the server ended the connection';
  return `${text[0].toUpperCase()}${text.slice(1)}${code ? ` (code ${code})` : ''}.`;
}

function words(pill, { note = '', detail = '', action = '', spoken }) {
  return { pill, note, detail, action, spoken };
}
