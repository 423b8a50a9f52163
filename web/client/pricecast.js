/**
 * The pricecast client: one WebSocket that heals itself and tells the truth about its state.
 *
 * No dependency and no build step. In a browser `connect(url)` is enough; in Node pass the class
 * from the package `ws`: `connect(url, { WebSocket })`. Clock, timers and random source can be
 * passed in as well, so that every state edge is tested without waiting.
 *
 * States: connecting → live ⇄ stalled → reconnecting → live …, and closed, which only `retry()`
 * leaves.
 *
 * Subscriptions are declarative: they are sent again after every reconnect. On any subscription
 * `seq == previous seq + 1 + skipped` holds for each stream; an update that breaks it is reported
 * as `gap`, and delivered all the same.
 *
 * @typedef {'connecting'|'live'|'stalled'|'reconnecting'|'closed'} State
 * @typedef {{kind: 'trade'|'quote', symbol: string, source: string, seq: number, skipped?: number,
 *   ts?: number, recv?: number, price?: string, size?: string, side?: string, bid?: string,
 *   bid_size?: string, ask?: string, ask_size?: string}} Item
 * @typedef {{symbols: string[], kinds?: string[], mode?: 'latest'|'every', maxRate?: number,
 *   snapshot?: boolean}} Subscription
 *
 * Events of `on()`:
 *   state      {from, to, attempt, retryAt?, reason?, code?}; from === to when only details changed
 *   hello      the server's greeting, plus {isNewEpoch}: what was known before is another run's
 *   items      {items, isSnapshot}
 *   reset      {epoch, reason}: a new epoch on this connection
 *   gap        {kind, symbol, source, expected, seq}
 *   feed       {source, state, ts}
 *   subscribed the server's answer, with `pending` and `rejected`
 *   error      {code, message}: from the server, or `bad_frame` for what was not understood
 *   clock      {rttMs}: a new measurement; see `serverNow()`
 */
export const PROTOCOL = 'pricecast.v1';

const DEFAULTS = {
  backoffMinMs: 250,
  backoffMaxMs: 15_000,
  backoffResetMs: 10_000, // live for so long: the next loss counts as the first
  connectTimeoutMs: 10_000,
  heartbeatMs: 5_000, // until hello says otherwise
  stallFactor: 2.5,
  pingMs: 10_000,
};
const CLOCK_SAMPLES = 8;

/** @param {string} url @param {object} [options] see DEFAULTS; also WebSocket, now, setTimeout,
 *  clearTimeout, random, page (null: do not listen to the browser's online and visibility) */
export function connect(url, options = {}) {
  return new Feed(url, options);
}

class Feed {
  #url;
  #options;
  #listeners = new Map();
  #subscriptions = new Map();
  #lastId = 0;
  #state = 'connecting';
  #details = { attempt: 0 };
  #socket = null;
  #attempt = 0;
  #liveSince = 0;
  #heardAt = 0;
  #heartbeatMs;
  #serverDelayMs = null; // from a `shutdown` message, for the next retry only
  #timers = {};
  #epoch = null;
  #sequences = new Map();
  #pings = new Map();
  #clock = [];
  #wake = () => this.#onWake();

  constructor(url, options) {
    this.#url = url;
    this.#options = {
      ...DEFAULTS,
      WebSocket: globalThis.WebSocket,
      now: () => performance.now(),
      setTimeout: (fn, ms) => setTimeout(fn, ms),
      clearTimeout: (id) => clearTimeout(id),
      random: Math.random,
      page: globalThis.document ? globalThis : null,
      ...options,
    };
    this.#heartbeatMs = this.#options.heartbeatMs;
    this.#options.page?.addEventListener('online', this.#wake);
    this.#options.page?.document?.addEventListener('visibilitychange', this.#wake);
    this.#dial();
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** What belongs to the state: attempt, retryAt (on the clock `now`), reason, code. */
  get details() {
    return this.#details;
  }

  /** How long nothing has come from the server, in ms. */
  get silentMs() {
    return this.#options.now() - this.#heardAt;
  }

  /** The server's wall clock in ms since the epoch, or undefined before the first measurement. */
  serverNow() {
    const best = this.#bestClock();
    return best && this.#options.now() + best.offsetMs;
  }

  /** Round trip in ms of the best recent ping, or undefined. */
  get rttMs() {
    const rtt = this.#bestClock()?.rttMs;
    return rtt === Infinity ? undefined : rtt;
  }

  /** @returns {() => void} takes the listener off again */
  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return () => this.#listeners.get(event).delete(listener);
  }

  /** @param {Subscription} subscription @returns {{id: number, close: () => void}} */
  subscribe(subscription) {
    const id = ++this.#lastId;
    this.#subscriptions.set(id, subscription);
    if (this.#isOpen()) this.#sendSubscription(id, subscription);
    return { id, close: () => this.#unsubscribe(id) };
  }

  /** Dials at once instead of waiting; also the only way out of `closed`. */
  retry() {
    if (this.#isOpen() || (this.#socket && this.#state !== 'closed')) return;
    if (this.#state === 'closed') this.#attempt = 0;
    this.#dial();
  }

  /** Ends the connection for good and lets go of page listeners and timers. */
  close() {
    this.#options.page?.removeEventListener('online', this.#wake);
    this.#options.page?.document?.removeEventListener('visibilitychange', this.#wake);
    this.#hangUp();
    this.#enter('closed', { reason: 'closed by this client' });
  }

  // ---- one connection ----

  #dial() {
    this.#hangUp();
    const socket = new this.#options.WebSocket(this.#url, [`${PROTOCOL}.json`]);
    this.#socket = socket;
    // A socket we gave up may still speak; only the current one is heard.
    const ifCurrent = (handle) => (event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.onmessage = ifCurrent((event) => this.#receive(event.data));
    socket.onclose = ifCurrent((event) => this.#onClose(event.code, event.reason));
    socket.onerror = () => {}; // `close` follows, and a browser says no more than that
    this.#startTimer('connect', this.#options.connectTimeoutMs, () => this.#onClose(0, 'no answer'));
    const isFirst = this.#state === 'connecting' || this.#state === 'closed';
    this.#enter(isFirst ? 'connecting' : 'reconnecting', { attempt: this.#attempt });
  }

  #hangUp() {
    for (const name of Object.keys(this.#timers)) this.#stopTimer(name);
    const socket = this.#socket;
    this.#socket = null;
    this.#sequences.clear();
    this.#pings.clear();
    socket?.close();
  }

  #onClose(code, reason) {
    const wasLiveMs = this.#isOpen() ? this.#options.now() - this.#liveSince : 0;
    this.#hangUp();
    if (isFatal(code)) {
      this.#enter('closed', { code, reason: reason || 'refused by the server' });
      return;
    }
    if (wasLiveMs >= this.#options.backoffResetMs) this.#attempt = 0;
    this.#attempt++;
    const delay = this.#serverDelayMs ?? this.#backoffMs();
    const said = this.#serverDelayMs === null ? reason : 'server shut down';
    this.#serverDelayMs = null;
    this.#startTimer('retry', delay, () => this.#dial());
    const retryAt = this.#options.now() + delay;
    this.#enter('reconnecting', { attempt: this.#attempt, retryAt, code, reason: said });
  }

  /** Full jitter: a herd of clients that lost one server comes back spread out. */
  #backoffMs() {
    const { backoffMinMs, backoffMaxMs, random } = this.#options;
    return random() * Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempt - 1, 30));
  }

  #onWake() {
    if (this.#options.page.document?.hidden) return;
    if (this.#isOpen()) this.#watchSilence();
    else if (this.#state === 'reconnecting') this.retry();
  }

  #isOpen() {
    return this.#state === 'live' || this.#state === 'stalled';
  }

  // ---- what the server says ----

  #receive(text) {
    this.#heardAt = this.#options.now();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      this.#emit('error', { code: 'bad_frame', message: 'the server sent what is not JSON' });
      return;
    }
    if (message?.type === 'hello') this.#onHello(message);
    else if (this.#isOpen()) this.#onMessage(message);
  }

  #onHello(message) {
    if (message.protocol !== PROTOCOL) {
      this.#hangUp();
      this.#enter('closed', { reason: `the server speaks ${message.protocol}, not ${PROTOCOL}` });
      return;
    }
    const isNewEpoch = this.#epoch !== null && this.#epoch !== message.epoch;
    this.#epoch = message.epoch;
    if (message.heartbeat_ms > 0) this.#heartbeatMs = message.heartbeat_ms;
    this.#stopTimer('connect');
    this.#liveSince = this.#heardAt;
    this.#clock = []; // perhaps another machine's
    this.#emit('hello', { ...message, isNewEpoch });
    this.#enter('live', {});
    for (const [id, subscription] of this.#subscriptions) this.#sendSubscription(id, subscription);
    this.#watchSilence();
    this.#ping();
  }

  #onMessage(message) {
    if (this.#state === 'stalled') this.#enter('live', {});
    switch (message?.type) {
      case 'snapshot':
      case 'update':
        return this.#onItems(message.data, message.type === 'snapshot');
      case 'heartbeat':
        return this.#addClockSample(message.ts, Infinity);
      case 'pong':
        return this.#onPong(message);
      case 'reset':
        this.#epoch = message.epoch;
        this.#sequences.clear();
        return this.#emit('reset', message);
      case 'shutdown':
        this.#serverDelayMs = message.reconnect_in_ms ?? null;
        return undefined;
      case 'feed':
      case 'subscribed':
      case 'error':
        return this.#emit(message.type, message);
      default:
        return undefined; // a newer server may say more than we know
    }
  }

  #onItems(items, isSnapshot) {
    if (!Array.isArray(items)) {
      this.#emit('error', { code: 'bad_frame', message: 'the server sent prices that are no list' });
      return;
    }
    for (const item of items) {
      const stream = `${item.kind}\n${item.source}\n${item.symbol}`;
      const previous = this.#sequences.get(stream);
      this.#sequences.set(stream, item.seq);
      if (isSnapshot || previous === undefined) continue;
      const expected = previous + 1 + (item.skipped ?? 0);
      if (item.seq === expected) continue;
      const { kind, symbol, source, seq } = item;
      this.#emit('gap', { kind, symbol, source, seq, expected });
    }
    this.#emit('items', { items, isSnapshot });
  }

  // ---- silence and clocks ----

  /** One timer for the next deadline, not one per message: thousands a second cost nothing. */
  #watchSilence() {
    const stallMs = this.#heartbeatMs * this.#options.stallFactor;
    const silentMs = this.silentMs;
    if (silentMs >= 2 * stallMs) {
      this.#onClose(0, 'nothing received');
      return;
    }
    if (silentMs >= stallMs && this.#state === 'live') {
      this.#enter('stalled', {});
      this.#ping(); // an answer would prove the server alive
    }
    const deadlineMs = silentMs >= stallMs ? 2 * stallMs : stallMs;
    this.#startTimer('silence', deadlineMs - silentMs, () => this.#watchSilence());
  }

  #ping() {
    const id = ++this.#lastId;
    this.#pings.clear(); // an unanswered one would measure nothing any more
    this.#pings.set(id, this.#options.now());
    this.#send({ op: 'ping', id });
    this.#startTimer('ping', this.#options.pingMs, () => this.#ping());
  }

  #onPong({ id, ts }) {
    const sentAt = this.#pings.get(id);
    this.#pings.delete(id);
    if (sentAt !== undefined) this.#addClockSample(ts, this.#heardAt - sentAt);
  }

  /** A heartbeat has no round trip: it serves until the first pong. */
  #addClockSample(tsUs, rttMs) {
    if (typeof tsUs !== 'number') return;
    const travelMs = rttMs === Infinity ? 0 : rttMs / 2;
    this.#clock.push({ rttMs, offsetMs: tsUs / 1000 + travelMs - this.#heardAt });
    if (this.#clock.length > CLOCK_SAMPLES) this.#clock.shift();
    this.#emit('clock', { rttMs: this.rttMs });
  }

  #bestClock() {
    let best;
    for (const sample of this.#clock) if (!best || sample.rttMs <= best.rttMs) best = sample;
    return best;
  }

  // ---- plumbing ----

  #sendSubscription(id, { symbols, kinds, mode, maxRate, snapshot }) {
    this.#send({ op: 'subscribe', id, symbols, kinds, mode, max_rate: maxRate, snapshot });
  }

  #unsubscribe(id) {
    const gone = this.#subscriptions.get(id);
    if (!this.#subscriptions.delete(id) || !this.#isOpen()) return;
    const wanted = new Set([...this.#subscriptions.values()].flatMap((other) => other.symbols));
    const symbols = gone.symbols.filter((symbol) => !wanted.has(symbol));
    if (symbols.length > 0) this.#send({ op: 'unsubscribe', id: ++this.#lastId, symbols });
  }

  #send(command) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(command));
  }

  #startTimer(name, ms, fire) {
    this.#stopTimer(name);
    this.#timers[name] = this.#options.setTimeout(fire, ms);
  }

  #stopTimer(name) {
    if (this.#timers[name] !== undefined) this.#options.clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }

  #enter(state, details) {
    const from = this.#state;
    this.#state = state;
    this.#details = { attempt: this.#attempt, ...details };
    this.#emit('state', { from, to: state, ...this.#details });
  }

  #emit(event, payload) {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(payload);
      } catch (error) {
        console.error(`pricecast: a listener of "${event}" failed`, error); // its bug, not the feed's
      }
    }
  }
}

/** 1008: the server found us at fault; 4400 to 4499: refused, and asking again would not help. */
function isFatal(code) {
  return code === 1008 || (code >= 4400 && code <= 4499);
}
