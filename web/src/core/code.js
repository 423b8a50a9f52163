/**
 * Code that is not fetched with the page but when it is needed, or in a quiet moment before. While the server is away it
 * cannot be had: then it comes when the connection does. It fails only when it cannot be had several times in a row although
 * the connection is live.
 */

/** What a server that has just died leaves unnoticed is noticed after this time. */
const RETRY_MS = 1000;
export const FAILURES_MAX = 5;

/** @type {Set<{fetch: (app: object) => Promise<any>}>} */
const all = new Set();

/**
 * @template T @param {() => Promise<T>} load
 * @returns {{value: T|null, fetch: (app: {connection: import('./signal.js').Signal<{state: string}>,
 *   page: {setTimeout: Function}}) => Promise<T>}} `value`: once it is there; whoever asks meanwhile shares one fetch
 */
export function createCode(load) {
  let pending = null;
  const code = { value: null, fetch };
  all.add(code);
  return code;

  function fetch(app) {
    pending ??= fetchPatiently(load, app).then((value) => {
      code.value = value;
      return value;
    }, (error) => {
      pending = null; // so that it may be tried again
      throw error;
    });
    return pending;
  }
}

/** Fetches what nobody has needed yet, so that it is there should the server go. What fails is fetched when needed. */
export function fetchAllCode(app) {
  for (const code of all) code.fetch(app).catch(() => {});
}

async function fetchPatiently(load, { connection, page }) {
  for (let failures = 0; ;) {
    try {
      return await load();
    } catch (error) {
      failures++;
      await new Promise((done) => { page.setTimeout(done, RETRY_MS); });
      if (connection.peek().state !== 'live') {
        await untilLive(connection);
        failures = 0;
      } else if (failures === FAILURES_MAX) {
        throw error;
      }
    }
  }
}

function untilLive(connection) {
  return new Promise((done) => {
    const end = connection.subscribe(({ state }) => {
      if (state !== 'live') return;
      end();
      done();
    });
  });
}
