/**
 * The pricecast client: one WebSocket that heals itself and tells the truth about its state.
 *
 * In a browser and in Node 22 `connect(url)` is enough; in older Node pass the class from the
 * package `ws`: `connect(url, { WebSocket })`. Clock, timers and random source can be passed in as
 * well, so that every state edge is tested without waiting.
 *
 * States: connecting → live ⇄ stalled → reconnecting → live …, and closed, which only `retry()`
 * leaves.
 *
 * Subscriptions are declarative: after every reconnect they are sent again, and what was missed is
 * asked for where the server still is in the same epoch. On any subscription
 * `seq == previous seq + 1 + skipped` holds for each stream; an update that breaks it is reported
 * as `gap`, and delivered all the same.
 */
import { Api, Replay } from './api.js';
import { decodeBinary } from './binary.js';
import { FeedError } from './errors.js';
import { Deferred, Listeners } from './listeners.js';
import { Clock, Meter } from './meter.js';
import { cutToFit } from './resume.js';
import { Silence } from './silence.js';
import { Subscription } from './subscription.js';

export { FeedError } from './errors.js';

/**
 * @typedef {import('./subscription.js').Item} Item
 * @typedef {import('./subscription.js').Batch} Batch
 * @typedef {import('./subscription.js').Topic} Topic
 * @typedef {import('./subscription.js').SubscribeOptions} SubscribeOptions
 * @typedef {import('./subscription.js').Subscribed} Subscribed
 * @typedef {import('./subscription.js').Resumed} Resumed
 * @typedef {import('./subscription.js').Gap} Gap
 * @typedef {import('./queue.js').QueueOptions} QueueOptions
 * @typedef {import('./api.js').Candle} Candle
 * @typedef {import('./api.js').Candles} Candles
 * @typedef {import('./api.js').Interval} Interval
 * @typedef {import('./api.js').ReplayState} ReplayState
 *
 * @typedef {'connecting'|'live'|'stalled'|'reconnecting'|'closed'} State
 * @typedef {{attempt: number, retryAt?: number, reason?: string, code?: number}} Details
 *   `retryAt` is on the clock `now`
 * @typedef {{type: 'hello', protocol: string, server: string, epoch: string,
 *   mode: 'live'|'replay'|'sim', heartbeat_ms: number, isNewEpoch: boolean}} Hello
 *   `isNewEpoch`: what was known before is another run's
 *
 * @typedef {object} FeedEvents
 * @property {{from: State, to: State} & Details} state from === to when only details changed
 * @property {Hello} hello
 * @property {Batch} items what one frame brought, whichever subscription it is for
 * @property {{epoch: string, reason: 'seek'|'loop'}} reset a new epoch on this connection
 * @property {Gap} gap
 * @property {Resumed} resumed what was missed has come again; once a subscription and reconnect
 * @property {{source: string, state: 'up'|'down'|'paused'|'ended', ts: number}} feed
 * @property {Subscribed & {id: number, total: number}} subscribed
 * @property {FeedError | {id?: number, code: string, message: string}} error from the server, or
 *   `bad_frame` for what was not understood
 * @property {{rttMs?: number}} clock a new measurement; see `serverNow()`
 *
 * @typedef {object} Stats
 * @property {number} [rttMs]
 * @property {number} [clockOffsetMs] the server's wall clock minus ours
 * @property {number} [ageP50Ms] from `recv` to here, one item a frame; not in a replay
 * @property {number} [ageP99Ms]
 * @property {number} messages @property {number} items @property {number} bytes
 * @property {number} messagesPerS over the last five seconds, as those below
 * @property {number} itemsPerS @property {number} bytesPerS
 * @property {number} conflated events that came merged into a later one (`skipped`)
 * @property {number} gaps @property {number} lost events known to be lost
 * @property {number} reconnects
 * @property {number} busyMs spent on messages so far: reading them, and in the listeners
 *
 * @typedef {object} Options
 * @property {'json'|'binary'} [codec] default json; binary takes a fraction of the bytes, and gives
 *   way where the server does not know it
 * @property {AbortSignal} [signal] closes everything
 * @property {boolean} [reconnect] default true
 * @property {number} [attemptsMax] tries in a row; default Infinity
 * @property {number} [backoffMinMs] @property {number} [backoffMaxMs]
 * @property {number} [backoffResetMs] live for so long: the next loss counts as the first
 * @property {number} [connectTimeoutMs]
 * @property {number} [heartbeatMs] until hello says otherwise
 * @property {number} [stallFactor] so many heartbeats of silence are stalled, twice as many lost;
 *   so many unanswered pings as well, where those are sent more often
 * @property {number} [pingMs] the server is asked so often for its clock, and whether it is there
 * @property {any} [WebSocket] the class @property {typeof globalThis.fetch} [fetch]
 * @property {() => number} [now] monotonic ms @property {() => number} [wallNow] ms since 1970
 * @property {(fire: () => void, ms: number) => any} [setTimeout]
 * @property {(id: any) => void} [clearTimeout]
 * @property {() => number} [random]
 * @property {any} [page] null: do not listen to the browser's online, visibility and page cache
 */
export const PROTOCOL = 'pricecast.v1';

const DEFAULTS = {
  codec: 'json',
  reconnect: true,
  attemptsMax: Infinity,
  backoffMinMs: 250,
  backoffMaxMs: 15_000,
  backoffResetMs: 10_000,
  connectTimeoutMs: 10_000,
  heartbeatMs: 5_000,
  stallFactor: 2.5,
  pingMs: 10_000,
};

/**
 * @param {string | (() => string | Promise<string>)} url of the WebSocket, `ws://host:port/ws`; a
 *   function is asked before every try
 * @param {Options} [options]
 */
export function connect(url, options = {}) {
  return new Feed(url, options);
}

/** One connection and what is subscribed over it; made by `connect()`. */
export class Feed {
  #url;
  #dialled = ''; // the URL of the last try
  #options;
  #listeners = new Listeners();
  /** @type {Map<number, Subscription>} */
  #subscriptions = new Map();
  /** @type {Map<number, Subscription>} */
  #commands = new Map(); // those that the server will answer, by id
  /** @type {Map<number, Subscription>} */
  #resuming = new Map(); // of those, the ones that asked for what was missed
  #lastId = 0;
  #lastSubscription = 0;
  /** @type {State} */
  #state = 'connecting';
  /** @type {Details} */
  #details = { attempt: 0 };
  /** @type {any} */
  #socket = null;
  #isDialling = false;
  #isLeft = false; // the page is, see #onPageHide()
  #attempt = 0;
  #liveSince = 0;
  #silence;
  /** @type {number|null} */
  #awaySince = null;
  #awayMs = 0; // how long the last time away was
  /** @type {number|null} */
  #serverDelayMs = null; // from a `shutdown` message, for the next retry only
  #timers = {};
  /** @type {string|null} */
  #epoch = null;
  #isReplay = false;
  /** @type {Map<string, {source: string, symbol: string, kind: any, seq: number, isOld: boolean, version: number, audience: Subscription[]}>} */
  #streams = new Map();
  #version = 0; // of the subscriptions: streams find their audience anew
  #definitions = new Map(); // of this connection's binary frames
  #pings = new Map();
  #clock = new Clock();
  #meter = new Meter();
  /** @type {Deferred<void>} */
  #ready = new Deferred();
  /** @type {Deferred<FeedError|undefined>} */
  #closed = new Deferred();
  #api;
  /** Control of the server's replay. */
  replay;
  #link = {
    send: (subscription, symbols) => this.#changed(() => this.#sendSubscription(subscription, symbols)),
    drop: (subscription, symbols) => this.#changed(() => this.#sendDrop(symbols)),
    end: (subscription) => this.#end(subscription),
  };
  #pageListeners = {
    online: () => this.#onWake(),
    pageshow: () => this.#onPageShow(),
    pagehide: () => this.#onPageHide(),
  };
  #visibilityListener = () => this.#onWake();

  /** @param {string | (() => string | Promise<string>)} url @param {Options} options */
  constructor(url, options) {
    this.#url = url;
    this.#options = {
      ...DEFAULTS,
      WebSocket: globalThis.WebSocket,
      fetch: (input, init) => globalThis.fetch(input, init),
      now: () => performance.now(),
      wallNow: () => Date.now(),
      setTimeout: (fire, ms) => setTimeout(fire, ms),
      clearTimeout: (id) => clearTimeout(id),
      random: Math.random,
      page: globalThis.document ? globalThis : null,
      ...options,
    };
    if (!this.#options.WebSocket) throw new TypeError('there is no WebSocket here: connect(url, { WebSocket })');
    this.#silence = new Silence(this.#options);
    this.#api = new Api(async () => this.#dialled || this.#askUrl(), this.#options.fetch);
    this.replay = new Replay(this.#api);
    const { signal, page } = this.#options;
    if (signal?.aborted) {
      this.#shut('aborted', 'aborted before it began');
      return;
    }
    signal?.addEventListener('abort', () => this.close(), { once: true });
    if (page) {
      for (const [event, listener] of Object.entries(this.#pageListeners)) page.addEventListener(event, listener);
      page.document?.addEventListener('visibilitychange', this.#visibilityListener);
    }
    this.#dial();
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** What belongs to the state. */
  get details() {
    return this.#details;
  }

  /** Resolves when the feed is (again) live; rejects with a FeedError when it is closed before. */
  get ready() {
    return this.#ready.promise;
  }

  /** Resolves when the feed is closed: with the FeedError that did it, or nothing after `close()`. */
  get closed() {
    return this.#closed.promise;
  }

  /** How long nothing has come from the server, in ms. */
  get silentMs() {
    return this.#options.now() - this.#silence.heardAt;
  }

  /** The server's wall clock in ms since the epoch, or undefined before the first measurement. */
  serverNow() {
    const best = this.#clock.best;
    return best && this.#options.now() + best.offsetMs;
  }

  /** Round trip in ms of the best recent ping, or undefined. */
  get rttMs() {
    return this.#clock.rttMs;
  }

  /** @returns {Stats} */
  get stats() {
    const { messages, items, bytes, conflated, gaps, lost, reconnects, busyMs } = this.#meter;
    const serverNow = this.serverNow();
    return {
      rttMs: this.rttMs,
      clockOffsetMs: serverNow && serverNow - this.#options.wallNow(),
      ...this.#meter.ages(), messages, items, bytes, ...this.#meter.rates(this.#options.now()),
      conflated, gaps, lost, reconnects, busyMs,
    };
  }

  /**
   * @template {keyof FeedEvents} E
   * @param {E} event
   * @param {(payload: FeedEvents[E]) => void} listener
   * @param {{signal?: AbortSignal}} [options]
   * @returns {() => void} takes the listener off again
   */
  on(event, listener, options) {
    return this.#listeners.add(event, listener, options);
  }

  /**
   * `subscribe(['A', 'B-*'], { maxRate: 10 })`, or all in one object.
   * @param {string[] | ({symbols: string[]} & SubscribeOptions)} what
   * @param {SubscribeOptions} [options]
   * @returns {Subscription}
   */
  subscribe(what, options = {}) {
    const { symbols, ...rest } = Array.isArray(what) ? { symbols: what, ...options } : what;
    const subscription = new Subscription(++this.#lastSubscription, symbols, rest, this.#link);
    if (rest.signal?.aborted) {
      subscription.finish();
      return subscription;
    }
    this.#subscriptions.set(subscription.id, subscription);
    this.#changed(() => this.#sendSubscription(subscription, symbols));
    return subscription;
  }

  /**
   * Candles of trades, or of mid quotes where a symbol has no trades; oldest first.
   * @param {string} symbol
   * @param {{interval?: Interval, limit?: number, before?: number, signal?: AbortSignal}} [options]
   *   `before`: only those that begin before this µs
   * @returns {Promise<Candles>}
   */
  async candles(symbol, { signal, interval = '1m', ...query } = {}) {
    const answer = await this.#api.get('candles', { symbol, interval, ...query }, { signal });
    const candles = answer.candles.map(([time, open, high, low, close, volume]) => (
      { time, open, high, low, close, volume }));
    return { ...answer, candles };
  }

  /** The answer of `GET /api/v1/PATH`: `status`, `symbols`, `latest`, …
   * @param {string} path @param {Record<string, string|number|boolean|undefined>} [query]
   * @param {{signal?: AbortSignal}} [options] @returns {Promise<any>} */
  get(path, query, options) {
    return this.#api.get(path, query, options);
  }

  /** The text of `GET /metrics`: all figures of the server, as Prometheus reads them.
   * @param {{signal?: AbortSignal}} [options] @returns {Promise<string>} */
  metrics(options) {
    return this.#api.text('metrics', options);
  }

  /** Dials at once instead of waiting; also the only way out of `closed`. */
  retry() {
    if (this.#isOpen() || (this.#isDialling && this.#state !== 'closed')) return;
    if (this.#state === 'closed') this.#attempt = 0;
    this.#dial();
  }

  /** Ends the connection for good and lets go of page listeners and timers. */
  close() {
    const { page } = this.#options;
    if (page) {
      for (const [event, listener] of Object.entries(this.#pageListeners)) page.removeEventListener(event, listener);
      page.document?.removeEventListener('visibilitychange', this.#visibilityListener);
    }
    this.#hangUp();
    this.#enter('closed', { reason: 'closed by this client' });
    this.#closed.resolve(undefined);
    this.#ready.reject(new FeedError('closed', 'closed by this client'));
    for (const subscription of this.#subscriptions.values()) subscription.finish();
    this.#subscriptions.clear();
  }

  // ---- one connection ----

  #askUrl() {
    return typeof this.#url === 'function' ? this.#url() : this.#url;
  }

  #dial() {
    this.#hangUp();
    this.#isDialling = true;
    this.#startTimer('connect', this.#options.connectTimeoutMs, () => this.#onClose(0, 'no answer'));
    const isFirst = this.#state === 'connecting' || this.#state === 'closed';
    const timer = this.#timers.connect; // tells this try from later ones
    const open = (url) => { if (this.#timers.connect === timer) this.#open(url); };
    const fail = (cause) => {
      if (this.#timers.connect === timer) this.#onClose(0, `no URL: ${cause}`);
    };
    try {
      const url = this.#askUrl();
      if (typeof url === 'string') open(url);
      else url.then(open, fail);
    } catch (cause) {
      fail(cause);
      return;
    }
    if (this.#isDialling) this.#enter(isFirst ? 'connecting' : 'reconnecting', { attempt: this.#attempt });
  }

  #open(url) {
    this.#dialled = url;
    let socket;
    try {
      const codecs = this.#options.codec === 'binary' ? ['bin', 'json'] : ['json'];
      socket = new this.#options.WebSocket(url, codecs.map((codec) => `${PROTOCOL}.${codec}`));
      socket.binaryType = 'arraybuffer';
    } catch (cause) {
      this.#hangUp();
      this.#shut('bad_request', `${url}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      return;
    }
    this.#socket = socket;
    // A socket we gave up may still speak; only the current one is heard.
    const ifCurrent = (handle) => (event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.onmessage = ifCurrent((event) => {
      this.#receive(event.data);
      this.#meter.busyMs += this.#options.now() - this.#silence.heardAt;
    });
    socket.onclose = ifCurrent((event) => this.#onClose(event.code, event.reason));
    socket.onerror = () => {}; // `close` follows, and a browser says no more than that
  }

  #hangUp() {
    for (const name of Object.keys(this.#timers)) this.#stopTimer(name);
    const socket = this.#socket;
    if (this.#isOpen()) this.#awaySince ??= this.#silence.heardAt;
    this.#socket = null;
    this.#isDialling = false;
    this.#pings.clear();
    this.#definitions.clear();
    this.#commands.clear();
    this.#resuming.clear();
    for (const subscription of this.#subscriptions.values()) subscription.forgetAnswers();
    socket?.close();
  }

  #onClose(code, reason) {
    const wasLiveMs = this.#isOpen() ? this.#options.now() - this.#liveSince : 0;
    this.#hangUp();
    if (isFatal(code)) {
      this.#shut('refused', reason || 'refused by the server', { status: code });
      return;
    }
    if (wasLiveMs >= this.#options.backoffResetMs) this.#attempt = 0;
    this.#attempt++;
    const { reconnect, attemptsMax, now } = this.#options;
    if (!reconnect || this.#attempt > attemptsMax) {
      this.#shut('network', reason || 'the connection was lost', { status: code, retryable: true });
      return;
    }
    const delay = this.#serverDelayMs ?? this.#backoffMs();
    const said = this.#serverDelayMs === null ? reason : 'server shut down';
    this.#serverDelayMs = null;
    this.#startTimer('retry', delay, () => this.#dial());
    this.#enter('reconnecting', { attempt: this.#attempt, retryAt: now() + delay, code, reason: said });
  }

  /** Full jitter: a herd of clients that lost one server comes back spread out. */
  #backoffMs() {
    const { backoffMinMs, backoffMaxMs, random } = this.#options;
    return random() * Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#attempt - 1, 30));
  }

  /** Closed, and not by close(): retry() may begin again. */
  #shut(code, reason, more = /** @type {{status?: number, retryable?: boolean, cause?: unknown}} */ ({})) {
    const error = new FeedError(code, reason, more);
    this.#enter('closed', { code: more.status, reason });
    this.#ready.reject(error);
    this.#closed.resolve(error);
    for (const subscription of this.#subscriptions.values()) subscription.finish(error);
  }

  #onWake() {
    if (this.#options.page.document?.hidden) return;
    if (this.#isOpen()) this.#watchSilence();
    else if (this.#state === 'reconnecting') this.retry();
  }

  /** A page with an open socket is not kept for "back"; one without comes back at once. */
  #onPageHide() {
    if (this.#state === 'closed') return;
    this.#isLeft = true;
    this.#hangUp();
    this.#enter('reconnecting', { reason: 'the page was left' });
  }

  /** The first one is only the end of loading, and no reason to hurry. */
  #onPageShow() {
    if (this.#isLeft) this.#onWake();
    this.#isLeft = false;
  }

  #isOpen() {
    return this.#state === 'live' || this.#state === 'stalled';
  }

  // ---- what the server says ----

  #receive(data) {
    const now = this.#options.now();
    this.#silence.heard(now);
    let message;
    try {
      message = typeof data === 'string' ? JSON.parse(data) : decodeBinary(data, this.#definitions);
    } catch (cause) {
      this.#emit('error', new FeedError('bad_frame', 'the server sent what cannot be read', { cause }));
      return;
    }
    const count = Array.isArray(message?.data) ? message.data.length : 0;
    this.#meter.count(now, count, data.length ?? data.byteLength);
    if (message?.type === 'hello') this.#onHello(message);
    else if (this.#isOpen()) this.#onMessage(message);
  }

  #onHello(message) {
    if (message.protocol !== PROTOCOL) {
      this.#hangUp();
      this.#shut('bad_request', `the server speaks ${message.protocol}, not ${PROTOCOL}`);
      return;
    }
    const isNewEpoch = this.#epoch !== null && this.#epoch !== message.epoch;
    this.#epoch = message.epoch;
    this.#isReplay = message.mode === 'replay';
    if (message.heartbeat_ms > 0) this.#silence.heartbeatMs = message.heartbeat_ms;
    this.#stopTimer('connect');
    this.#liveSince = this.#silence.heardAt;
    this.#clock.clear();
    this.#meter.clearAges();
    if (this.#awaySince !== null) this.#meter.reconnects++;
    this.#awayMs = this.#awaySince === null ? 0 : this.#liveSince - this.#awaySince;
    this.#awaySince = null;
    this.#emit('hello', { ...message, isNewEpoch });
    this.#enter('live', {});
    this.#ready.resolve();
    this.#subscribeAll(isNewEpoch);
    this.#watchSilence();
    this.#ping();
  }

  #subscribeAll(isNewEpoch) {
    const knewSome = this.#streams.size > 0;
    if (isNewEpoch) this.#streams.clear();
    for (const stream of this.#streams.values()) stream.isOld = true;
    for (const subscription of this.#subscriptions.values()) {
      this.#sendSubscription(subscription, subscription.symbols, this.#streams);
    }
    if (isNewEpoch && knewSome) this.#tellGap({ reason: 'epoch', awayMs: this.#awayMs });
  }

  #onMessage(message) {
    if (this.#state === 'stalled') this.#enter('live', {});
    switch (message?.type) {
      case 'snapshot':
      case 'update':
        return this.#onItems(message.data, message.type === 'snapshot');
      case 'heartbeat':
        return this.#onClock(message.ts, Infinity);
      case 'pong':
        return this.#onPong(message);
      case 'reset':
        this.#epoch = message.epoch;
        this.#streams.clear();
        return this.#emit('reset', message);
      case 'shutdown':
        this.#serverDelayMs = message.reconnect_in_ms ?? null;
        return undefined;
      case 'subscribed':
        this.#answered(message.id)?.onAnswer(message);
        return this.#emit('subscribed', message);
      case 'resumed':
        return this.#onResumed(message);
      case 'error':
        this.#answered(message.id)?.onRefusal(new FeedError(message.code, message.message));
        return this.#emit('error', message);
      case 'feed':
        return this.#emit('feed', message);
      default:
        return undefined; // a newer server may say more than we know
    }
  }

  #answered(id) {
    const subscription = this.#commands.get(id);
    this.#commands.delete(id);
    return subscription;
  }

  #onResumed(message) {
    const awayMs = this.#awayMs;
    const resumed = { ...message, awayMs };
    this.#emit('resumed', resumed);
    const subscription = this.#resuming.get(message.id);
    this.#resuming.delete(message.id);
    subscription?.tell('resumed', resumed);
    if (message.lost > 0) this.#tellGap({ reason: 'lost', lost: message.lost, awayMs }, subscription);
  }

  #onItems(items, isSnapshot) {
    if (!Array.isArray(items)) {
      this.#emit('error', new FeedError('bad_frame', 'the server sent prices that are no list'));
      return;
    }
    const heard = [...this.#subscriptions.values()].filter((subscription) => subscription.isHeard);
    const parts = new Map(heard.map((subscription) => [subscription, /** @type {Item[]} */ ([])]));
    let lost = 0;
    for (const item of items) {
      const stream = this.#streamOf(item);
      if (stream.seq > 0) {
        if (isSnapshot || stream.isOld) lost += Math.max(0, item.seq - stream.seq - 1);
        else this.#checkSequence(item, stream.seq);
      }
      stream.isOld = false;
      stream.seq = item.seq;
      if (item.skipped > 0) this.#meter.conflated += item.skipped;
      if (parts.size > 0) for (const subscription of this.#audienceOf(stream)) parts.get(subscription)?.push(item);
    }
    if (lost > 0) this.#tellGap({ reason: 'lost', lost, awayMs: this.#awayMs });
    this.#measureAge(items.at(-1));
    const epoch = this.#epoch ?? '';
    this.#emit('items', { items, isSnapshot, epoch });
    for (const [subscription, part] of parts) {
      if (part.length > 0 || (isSnapshot && items.length === 0)) subscription.take({ items: part, isSnapshot, epoch });
    }
  }

  #streamOf({ kind, source, symbol }) {
    const key = `${kind}\n${source}\n${symbol}`;
    let stream = this.#streams.get(key);
    if (!stream) this.#streams.set(key, (stream = { kind, source, symbol, seq: 0, isOld: false, version: -1, audience: [] }));
    return stream;
  }

  #audienceOf(stream) {
    if (stream.version !== this.#version) {
      stream.version = this.#version;
      stream.audience = [...this.#subscriptions.values()].filter((subscription) => subscription.covers(stream));
    }
    return stream.audience;
  }

  #checkSequence(item, previous) {
    const expected = previous + 1 + (item.skipped ?? 0);
    if (item.seq === expected) return;
    const { kind, symbol, source, seq } = item;
    this.#tellGap({ reason: 'sequence', kind, symbol, source, seq, expected, lost: Math.max(0, seq - expected) });
  }

  /** @param {Gap} gap @param {Subscription} [only] whom it concerns; else those that cover it */
  #tellGap(gap, only) {
    this.#meter.gaps++;
    this.#meter.lost += 'lost' in gap ? gap.lost : 0;
    this.#emit('gap', gap);
    for (const subscription of only ? [only] : this.#subscriptions.values()) {
      if (gap.reason !== 'sequence' || subscription.covers(gap)) subscription.tell('gap', gap);
    }
  }

  /** Recorded prices have no age. */
  #measureAge(item) {
    const time = item?.recv ?? item?.ts;
    const now = this.serverNow();
    if (time !== undefined && now !== undefined && !this.#isReplay) this.#meter.addAge(now - time / 1000);
  }

  // ---- silence and clocks ----

  /** One timer for the next deadline, not one per message: thousands a second cost nothing. */
  #watchSilence() {
    const { verdict, againMs } = this.#silence.judge(this.#options.now());
    if (verdict === 'lost') {
      this.#onClose(0, 'nothing received');
      return;
    }
    this.#startTimer('silence', againMs, () => this.#watchSilence());
    if (verdict === 'stalled' && this.#state === 'live') {
      this.#ping(); // an answer would prove the server alive
      this.#enter('stalled', {});
    }
  }

  #ping() {
    const id = ++this.#lastId;
    this.#pings.clear(); // an unanswered one would measure nothing any more
    const now = this.#options.now();
    this.#pings.set(id, now);
    if (this.#send({ op: 'ping', id })) this.#silence.asked(now);
    this.#startTimer('ping', this.#options.pingMs, () => this.#ping());
  }

  #onPong({ id, ts }) {
    const sentAt = this.#pings.get(id);
    this.#pings.delete(id);
    if (sentAt !== undefined) this.#onClock(ts, this.#silence.heardAt - sentAt);
  }

  #onClock(serverUs, rttMs) {
    if (this.#clock.add(serverUs, rttMs, this.#silence.heardAt)) this.#emit('clock', { rttMs: this.rttMs });
  }

  // ---- what we say ----

  /** The subscriptions are others now. */
  #changed(say) {
    this.#version++;
    if (this.#isOpen()) say();
  }

  /** @param {Subscription} subscription @param {string[]} symbols
   *  @param {Map<string, any>} [known] streams that may be resumed */
  #sendSubscription(subscription, symbols, known) {
    const { kinds, mode, maxRate, maxAgeMs, ohlc, clocks, snapshot, resume = true } = subscription.topic;
    const places = [];
    if (resume && known) for (const stream of known.values()) if (subscription.covers(stream)) places.push(stream);
    for (const piece of cutToFit(symbols, places)) {
      const id = ++this.#lastId;
      const streams = piece.places.map(({ source, symbol, kind, seq }) => [source, symbol, kind, seq]);
      for (const stream of piece.places) this.#streamOf(stream).isOld = false;
      if (streams.length > 0) this.#resuming.set(id, subscription);
      this.#commands.set(id, subscription);
      subscription.expectAnswer();
      this.#send({
        op: 'subscribe', id, symbols: piece.symbols, kinds, mode, max_rate: maxRate, max_age_ms: maxAgeMs, ohlc, clocks,
        snapshot,
        resume: streams.length > 0 ? { epoch: this.#epoch, streams } : undefined,
      });
    }
  }

  /** @param {Subscription} subscription */
  #end(subscription) {
    this.#subscriptions.delete(subscription.id);
    subscription.finish();
    this.#changed(() => this.#sendDrop(subscription.symbols));
  }

  /** Leaves what nobody else wants; what another one wants goes on in that one's way. */
  #sendDrop(symbols) {
    const gone = symbols.filter((symbol) => !this.#wanting(symbol));
    for (const { symbols: some } of cutToFit(gone, [])) {
      this.#send({ op: 'unsubscribe', id: ++this.#lastId, symbols: some });
    }
    for (const heir of this.#subscriptions.values()) {
      const kept = symbols.filter((symbol) => this.#wanting(symbol) === heir);
      if (kept.length > 0) this.#sendSubscription(heir, kept);
    }
    for (const [key, stream] of this.#streams) if (this.#audienceOf(stream).length === 0) this.#streams.delete(key);
  }

  /** The newest subscription that names the symbol. */
  #wanting(symbol) {
    return [...this.#subscriptions.values()].reverse().find((subscription) => subscription.has(symbol));
  }

  #send(command) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  // ---- plumbing ----

  #startTimer(name, ms, fire) {
    this.#stopTimer(name);
    this.#timers[name] = this.#options.setTimeout(fire, ms);
  }

  #stopTimer(name) {
    if (this.#timers[name] !== undefined) this.#options.clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }

  /** @param {State} state @param {Partial<Details>} details */
  #enter(state, details) {
    const from = this.#state;
    this.#state = state;
    this.#details = { attempt: this.#attempt, ...details };
    if (!this.#isOpen() && this.#ready.isSettled) this.#ready = new Deferred();
    if (state !== 'closed' && this.#closed.isSettled) this.#closed = new Deferred();
    this.#emit('state', { from, to: state, ...this.#details });
  }

  /** @template {keyof FeedEvents} E @param {E} event @param {FeedEvents[E]} payload */
  #emit(event, payload) {
    this.#listeners.emit(event, payload);
  }
}

/** 1008: the server found us at fault; 4400 to 4499: refused, and asking again would not help. */
function isFatal(code) {
  return code === 1008 || (code >= 4400 && code <= 4499);
}
