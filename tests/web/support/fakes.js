/** A clock that moves when told to, and sockets that say what the test scripts. */

export function createClock() {
  const timers = new Map();
  let now = 1000;
  let lastId = 0;
  return {
    now: () => now,
    setTimeout(fire, ms) {
      timers.set(++lastId, { at: now + ms, fire });
      return lastId;
    },
    clearTimeout: (id) => timers.delete(id),
    get pending() { return timers.size; },
    /** Runs what falls due, in order, also what that starts. */
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [id, next] = [...timers].sort((a, b) => a[1].at - b[1].at)[0] ?? [];
        if (!next || next.at > end) break;
        now = Math.max(now, next.at);
        timers.delete(id);
        next.fire();
      }
      now = end;
    },
  };
}

/** @returns a WebSocket class whose instances collect in `sockets`, newest last */
export function createSocketClass() {
  return class FakeSocket {
    static sockets = [];
    static get last() { return this.sockets.at(-1); }
    readyState = 0;
    sent = [];
    isClosedByClient = false;

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      FakeSocket.sockets.push(this);
    }

    send(text) { this.sent.push(JSON.parse(text)); }
    close() {
      this.isClosedByClient = true;
      this.readyState = 3;
    }

    // what the test makes the server do
    say(message) {
      this.readyState = 1;
      this.onmessage({ data: typeof message === 'string' ? message : JSON.stringify(message) });
    }

    hello(more = {}) {
      this.say({ type: 'hello', protocol: 'pricecast.v1', server: 'pricecast/0', epoch: 'e1', mode: 'live',
        heartbeat_ms: 4000, ...more });
    }

    end(code = 1006, reason = '') {
      this.readyState = 3;
      this.onerror?.({});
      this.onclose({ code, reason });
    }
  };
}
