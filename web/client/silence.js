/**
 * How long the server has been silent, and what that means: live, stalled, or lost.
 *
 * Two promises are counted. The server sends something at least every heartbeat; and whoever is
 * asked by a ping answers. The one that comes more often decides, so that a server which beats
 * rarely is still missed soon. A ping that was never sent promises nothing: a browser may hold back
 * the timers of a hidden page for minutes, and what it held back was not waited for.
 *
 * All times are ms of one monotonic clock, handed in by the caller.
 */
export class Silence {
  /** When something was last heard. */
  heardAt = 0;
  /** Until hello says otherwise. */
  heartbeatMs;
  #factor;
  #pingMs;
  #isAsked = false; // since then
  #askedAt = 0;
  #waitedMs = 0; // for an answer, up to `#askedAt`

  /** @param {{heartbeatMs: number, stallFactor: number, pingMs: number}} options */
  constructor({ heartbeatMs, stallFactor, pingMs }) {
    this.heartbeatMs = heartbeatMs;
    this.#factor = stallFactor;
    this.#pingMs = pingMs;
  }

  /** Something has come, whatever it says. */
  heard(nowMs) {
    this.heardAt = nowMs;
    this.#isAsked = false;
  }

  /** A ping was sent. */
  asked(nowMs) {
    this.#waitedMs = this.#isAsked ? this.#waitedAt(nowMs) : 0;
    this.#isAsked = true;
    this.#askedAt = nowMs;
  }

  /** @returns {{verdict: 'live'|'stalled'|'lost', againMs: number}} `againMs`: no other verdict
   *  comes earlier than that */
  judge(nowMs) {
    const silentMs = nowMs - this.heardAt;
    // The interval before the first ping counts as well, as it does with heartbeats.
    const unansweredMs = Math.min(silentMs, this.#pingMs + this.#waitedAt(nowMs));
    const untilMs = (factor) => Math.min(factor * this.heartbeatMs - silentMs, factor * this.#pingMs - unansweredMs);
    const lostInMs = untilMs(2 * this.#factor);
    if (lostInMs <= 0) return { verdict: 'lost', againMs: 0 };
    const stalledInMs = untilMs(this.#factor);
    return stalledInMs <= 0 ? { verdict: 'stalled', againMs: lostInMs } : { verdict: 'live', againMs: stalledInMs };
  }

  /** Between two pings no more than the interval: a page that slept did not wait. */
  #waitedAt(nowMs) {
    return this.#isAsked ? this.#waitedMs + Math.min(nowMs - this.#askedAt, this.#pingMs) : 0;
  }
}
