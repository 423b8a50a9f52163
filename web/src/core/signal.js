/**
 * A value that can be watched. `computed` and `effect` note by themselves which signals they read.
 * Setting an equal value tells nobody. No scheduling: watchers run at once, in the order they came.
 */

/** @type {{run: () => void, sources: Set<Signal<any>>}|null} */
let reader = null;

/** @template T */
export class Signal {
  #value;
  /** @type {Set<{run: () => void}>} */
  #watchers = new Set();

  /** @param {T} value */
  constructor(value) {
    this.#value = value;
  }

  get value() {
    if (reader) {
      reader.sources.add(this);
      this.#watchers.add(reader);
    }
    return this.#value;
  }

  set value(value) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) if (this.#watchers.has(watcher)) watcher.run();
  }

  /** The value, without being noted as a reader. */
  peek() {
    return this.#value;
  }

  /** @param {(value: T) => void} listener called at every change, not now @returns {() => void} */
  subscribe(listener) {
    const watcher = { run: () => untracked(() => listener(this.#value)) };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** @internal */
  forget(watcher) {
    this.#watchers.delete(watcher);
  }
}

/** @template T @param {T} value @returns {Signal<T>} */
export function signal(value) {
  return new Signal(value);
}

/** Runs now, and again when a signal that it read changes. @returns {() => void} ends it */
export function effect(run) {
  let isEnded = false;
  const self = {
    sources: new Set(),
    run() {
      if (isEnded) return;
      for (const source of self.sources) source.forget(self);
      self.sources.clear();
      const outer = reader;
      reader = self;
      try {
        run();
      } finally {
        reader = outer;
      }
    },
  };
  self.run();
  return () => {
    isEnded = true;
    for (const source of self.sources) source.forget(self);
  };
}

/** A signal that follows others for as long as the page lives. @template T @param {() => T} read */
export function computed(read) {
  const result = signal(/** @type {T} */ (undefined));
  effect(() => { result.value = read(); });
  return result;
}

export function untracked(run) {
  const outer = reader;
  reader = null;
  try {
    return run();
  } finally {
    reader = outer;
  }
}

/** Sets `target` unless every field is the same as before: records that are made anew tell nobody. */
export function setRecord(target, record) {
  const old = target.peek();
  if (!record || !old) {
    target.value = record;
    return;
  }
  const names = Object.keys(record);
  if (names.length === Object.keys(old).length && names.every((name) => Object.is(old[name], record[name]))) return;
  target.value = record;
}
