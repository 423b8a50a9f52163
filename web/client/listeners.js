/** Who listens to what. A listener that throws harms nobody else. */
export class Listeners {
  /** @type {Map<string, Set<(payload: any) => void>>} */
  #byEvent = new Map();

  /** @returns {() => void} takes the listener off again */
  add(event, listener, { signal } = /** @type {{signal?: AbortSignal}} */ ({})) {
    if (signal?.aborted) return () => {};
    let listeners = this.#byEvent.get(event);
    if (!listeners) this.#byEvent.set(event, (listeners = new Set()));
    listeners.add(listener);
    const off = () => {
      listeners.delete(listener);
      signal?.removeEventListener('abort', off);
    };
    signal?.addEventListener('abort', off);
    return off;
  }

  has(event) {
    return (this.#byEvent.get(event)?.size ?? 0) > 0;
  }

  emit(event, payload) {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        listener(payload);
      } catch (error) {
        console.error(`pricecast: a listener of "${event}" failed`, error); // its bug, not the feed's
      }
    }
  }
}

/** A promise with its handles; nobody has to catch it. @template T */
export class Deferred {
  isSettled = false;

  constructor() {
    /** @type {Promise<T>} */
    this.promise = new Promise((resolve, reject) => {
      /** @type {(value: T) => void} */
      this.resolve = (value) => { this.isSettled = true; resolve(value); };
      /** @type {(error: unknown) => void} */
      this.reject = (error) => { this.isSettled = true; reject(error); };
    });
    this.promise.catch(() => {});
  }
}
