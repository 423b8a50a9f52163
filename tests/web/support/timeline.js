/** A timeline that says what the test makes it say, and a feed whose answers the test gives. */

export function createTimeline({ mode = 'live', nowUs = 0 } = {}) {
  const listeners = new Map();
  const watchers = new Set();
  let value = mode;
  const timeline = {
    nowUsValue: nowUs,
    nowUs: () => timeline.nowUsValue,
    mode: {
      get value() { return value; },
      set value(to) { value = to; for (const watch of watchers) watch(to); },
      subscribe(watch) { watchers.add(watch); return () => watchers.delete(watch); },
    },
    on(event, listener) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event).add(listener);
      return () => listeners.get(event).delete(listener);
    },
    say(event, payload = {}) { for (const listener of listeners.get(event) ?? []) listener(payload); },
    get listening() { return [...listeners.values()].reduce((sum, set) => sum + set.size, 0) + watchers.size; },
  };
  return timeline;
}

/** `asked` holds every call in order; each is answered with `give()` or `fail()`. */
export function createCandlesFeed() {
  const asked = [];
  return {
    asked,
    get last() { return asked.at(-1); },
    candles(symbol, { signal, ...query }) {
      return new Promise((resolve, reject) => {
        const call = { symbol, ...query, give: resolve, fail: reject, isAborted: false };
        signal?.addEventListener('abort', () => { call.isAborted = true; reject(signal.reason); });
        asked.push(call);
      });
    },
  };
}
