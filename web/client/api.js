import { FeedError } from './errors.js';

/**
 * @typedef {{time: number, open: string, high: string, low: string, close: string, volume: string|null}} Candle
 *   `time` is when it begins, in µs; prices and volume are exact decimals, null is a volume of too
 *   many digits
 * @typedef {{symbol: string, interval: string, kind: 'trade'|'quote', candles: Candle[],
 *   seen: [source: string, kind: 'trade'|'quote', seq: number][]}} Candles oldest first; `seen` is the
 *   last event of each stream that was looked at: what has a higher `seq` is not in them yet
 * @typedef {'1s'|'5s'|'15s'|'1m'|'5m'|'15m'|'1h'|'4h'|'1d'} Interval
 * @typedef {{state: 'waiting'|'playing'|'paused'|'seeking'|'ended', speed: number|'max', loop: boolean,
 *   loops: number, events: number, position?: number, clock?: number, rebased?: boolean, from?: number, to?: number,
 *   exact?: boolean, control?: boolean, percent?: number, eta_ms?: number,
 *   bytes_read: number, bytes_total: number, asked_ms: number, took_ms: number, events_s?: number,
 *   lateness_us: {p50: number, p99: number, max: number}}} ReplayState
 * @typedef {{signal?: AbortSignal}} Call
 */

/** The HTTP side of the server that a WebSocket URL belongs to. */
export class Api {
  #base;
  #fetch;

  /** @param {() => Promise<string>} base the WebSocket's URL @param {typeof fetch} fetch */
  constructor(base, fetch) {
    this.#base = base;
    this.#fetch = fetch;
  }

  /** @returns {Promise<any>} */
  async get(path, query = {}, { signal } = /** @type {Call} */ ({})) {
    const url = await this.#url(path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return this.#ask(url, { signal });
  }

  /** @returns {Promise<any>} */
  async post(path, body, { signal } = /** @type {Call} */ ({})) {
    return this.#ask(await this.#url(path), { method: 'POST', body: JSON.stringify(body), signal });
  }

  /** What is no JSON, and not below /api. @returns {Promise<string>} */
  async text(path, { signal } = /** @type {Call} */ ({})) {
    const url = new URL(path, await this.#base());
    url.protocol = url.protocol.replace('ws', 'http');
    const answer = await this.#fetchFrom(url, { signal });
    if (!answer.ok) throw new FeedError('internal', `status ${answer.status}`, { retryable: answer.status >= 500, status: answer.status });
    return answer.text();
  }

  async #fetchFrom(url, options) {
    const fetch = this.#fetch;
    try {
      return await fetch(url.href, options);
    } catch (cause) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw new FeedError('network', `${url.pathname}: ${cause instanceof Error ? cause.message : cause}`, { retryable: true, cause });
    }
  }

  async #url(path) {
    const url = new URL(`api/v1/${path}`, await this.#base());
    url.protocol = url.protocol.replace('ws', 'http');
    return url;
  }

  async #ask(url, options) {
    const answer = await this.#fetchFrom(url, options);
    let json;
    try {
      json = await answer.json();
    } catch (cause) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw new FeedError('network', `${url.pathname}: ${cause instanceof Error ? cause.message : cause}`, { retryable: true, cause });
    }
    if (answer.ok) return json;
    const { code = 'internal', message = `status ${answer.status}` } = json?.error ?? {};
    throw new FeedError(code, message, { retryable: answer.status >= 500 || answer.status === 429, status: answer.status });
  }
}

/** Control of a replay. Each call resolves with the state it led to. Only clients on the server's
 * machine may change anything. */
export class Replay {
  #api;

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** @param {Call} [call] @returns {Promise<ReplayState>} */
  state(call) {
    return this.#api.get('replay', {}, call);
  }

  /** @param {Call} [call] */
  pause(call) {
    return this.#do({ action: 'pause' }, call);
  }

  /** @param {Call} [call] */
  resume(call) {
    return this.#do({ action: 'resume' }, call);
  }

  /** @param {number|string|Date} to µs, a Date, an ISO time, "+30s", "-2m" or "50%"
   *  @param {Call} [call] */
  seek(to, call) {
    return this.#do({ action: 'seek', to: to instanceof Date ? to.getTime() * 1000 : to }, call);
  }

  /** @param {number|'max'} value @param {Call} [call] */
  speed(value, call) {
    return this.#do({ action: 'speed', value }, call);
  }

  /** While paused. @param {number} [count] events @param {Call} [call] */
  step(count = 1, call = {}) {
    return this.#do({ action: 'step', count }, call);
  }

  /** @param {boolean} value @param {Call} [call] */
  loop(value, call) {
    return this.#do({ action: 'loop', value }, call);
  }

  /** @param {Call} [call] */
  stop(call) {
    return this.#do({ action: 'stop' }, call);
  }

  /** @returns {Promise<ReplayState>} */
  #do(command, call) {
    return this.#api.post('replay', command, call);
  }
}
