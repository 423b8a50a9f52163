/**
 * Where the reader is, as the fragment of the URL: `#/m/AAPL~nasdaq?i=1m&sort=-percent&q=fx`. Links can be
 * shared and a reload changes nothing. Unknown views and broken escapes lead to the first view.
 *
 * `at` is the moment that a screen that is not live shows (`2024-03-05T09:31:07Z`, or µs since 1970), `speed` how
 * fast it goes on (0.1 to 100, `max`); what is neither is left out. They are asked for only by a link that
 * was followed, see `link`: a step back finds the time as it is. So does a reload, but who was looking at another
 * moment is to be told.
 *
 * @typedef {{view: string, symbol: string|null, source: string|null, params: Record<string, string>}} Place
 */
import { signal } from './signal.js';

/** Views by the word that stands for them in the URL. */
export const PATHS = { m: 'markets', tape: 'tape', server: 'server', connect: 'connect', about: 'about' };
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z$/;
const US = /^\d{1,16}$/;
const WORDS = Object.fromEntries(Object.entries(PATHS).map(([word, view]) => [view, word]));

/** @param {string} hash with or without `#` @returns {Place} */
export function parsePlace(hash) {
  const [path, query = ''] = splitOnce(hash.replace(/^#?\/?/, ''), '?');
  const [word, name = ''] = splitOnce(path, '/');
  const [symbol, source = ''] = splitOnce(name, '~').map(decode);
  const params = {};
  for (const [key, value] of new URLSearchParams(query)) if (key !== '__proto__') params[key] = value;
  if (parseAt(params.at) === undefined) delete params.at;
  if (parseSpeed(params.speed) === undefined) delete params.speed;
  return { view: Object.hasOwn(PATHS, word) ? PATHS[word] : 'markets', symbol: symbol || null, source: source || null, params };
}

/** @param {string|undefined} text @returns {number|undefined} µs since 1970 */
export function parseAt(text = '') {
  if (US.test(text)) return Number(text);
  if (!AT.test(text)) return undefined;
  const ms = Date.parse(text);
  return ms >= 0 ? ms * 1000 : undefined;
}

/** @param {number} us */
export function formatAt(us) {
  return new Date(Math.floor(us / 1000)).toISOString().replace('.000Z', 'Z');
}

/** @param {string|undefined} text @returns {number|'max'|undefined} */
export function parseSpeed(text = '') {
  if (text === 'max') return text;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return speed >= 0.1 && speed <= 100 ? speed : undefined;
}

/** @param {Place} place @returns {string} */
export function formatPlace({ view, symbol, source, params }) {
  const name = symbol ? `/${encode(symbol)}${source ? `~${encode(source)}` : ''}` : '';
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '' && value != null)).toString()
    .replaceAll('%3A', ':'); // times stay readable
  return `#/${WORDS[view] ?? 'm'}${name}${query ? `?${query}` : ''}`;
}

/**
 * @param {{location: Location, history: History, addEventListener: (name: string, listener: () => void) => void}} page
 * @returns a signal of the place, with `go()`
 */
export function createRoute({ location, history, addEventListener }) {
  const route = signal(parsePlace(location.hash));
  /** The time that a link asked for, once: {at, speed}; or {leftAt}, where this page stood before it was loaded again. */
  const link = signal(/** @type {{at?: string, speed?: string, leftAt?: string}|null} */ (null));
  const read = () => {
    const old = route.peek();
    route.value = parsePlace(location.hash);
    lookForLink(old);
  };
  lookForLink(null);
  addEventListener('hashchange', read);
  addEventListener('popstate', read);
  return Object.assign(route, { go, href, link });

  /** What this page has written or read bears a mark; without it somebody follows a link or writes the URL. */
  function lookForLink(old) {
    const { at, speed } = route.peek().params;
    if (old === null && at !== undefined && history.state?.own) link.value = { leftAt: at };
    if ((at === undefined && speed === undefined) || history.state?.own) return;
    if (at !== old?.params.at || speed !== old?.params.speed) link.value = { at, speed };
    history.replaceState({ own: true }, '', location.hash);
  }

  /**
   * Changes some of the place. Another view or symbol is a step that "back" undoes; a change of
   * parameters replaces the present one. A parameter of undefined or '' goes.
   * @param {Partial<Place>} patch
   */
  function go(patch) {
    const place = patched(patch);
    const hash = formatPlace(place);
    const old = route.peek();
    if (hash === formatPlace(old)) return;
    const isStep = place.view !== old.view || place.symbol !== old.symbol || place.source !== old.source;
    history[isStep ? 'pushState' : 'replaceState']({ own: true }, '', hash);
    route.value = parsePlace(hash);
  }

  /** The link to a place, for `<a href>`. */
  function href(patch) {
    return formatPlace(patched(patch));
  }

  function patched({ params = {}, ...patch }) {
    const old = route.peek();
    if (patch.symbol !== undefined && patch.source === undefined) patch.source = null;
    return { ...old, ...patch, params: { ...old.params, ...params } };
  }
}

function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function encode(text) {
  return encodeURIComponent(text).replaceAll('~', '%7E');
}
