/**
 * Where the reader is, as the fragment of the URL: `#/m/AAPL~nasdaq?i=1m&sort=-percent&q=fx`. Links can be
 * shared and a reload changes nothing. Unknown views and broken escapes lead to the first view.
 *
 * @typedef {{view: string, symbol: string|null, source: string|null, params: Record<string, string>}} Place
 */
import { signal } from './signal.js';

/** Views by the word that stands for them in the URL. */
export const PATHS = { m: 'markets', tape: 'tape', server: 'server', connect: 'connect', about: 'about' };
const WORDS = Object.fromEntries(Object.entries(PATHS).map(([word, view]) => [view, word]));

/** @param {string} hash with or without `#` @returns {Place} */
export function parsePlace(hash) {
  const [path, query = ''] = splitOnce(hash.replace(/^#?\/?/, ''), '?');
  const [word, name = ''] = splitOnce(path, '/');
  const [symbol, source = ''] = splitOnce(name, '~').map(decode);
  const params = {};
  for (const [key, value] of new URLSearchParams(query)) if (key !== '__proto__') params[key] = value;
  return { view: Object.hasOwn(PATHS, word) ? PATHS[word] : 'markets', symbol: symbol || null, source: source || null, params };
}

/** @param {Place} place @returns {string} */
export function formatPlace({ view, symbol, source, params }) {
  const name = symbol ? `/${encode(symbol)}${source ? `~${encode(source)}` : ''}` : '';
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '' && value != null)).toString();
  return `#/${WORDS[view] ?? 'm'}${name}${query ? `?${query}` : ''}`;
}

/**
 * @param {{location: Location, history: History, addEventListener: (name: string, listener: () => void) => void}} page
 * @returns a signal of the place, with `go()`
 */
export function createRoute({ location, history, addEventListener }) {
  const route = signal(parsePlace(location.hash));
  const read = () => { route.value = parsePlace(location.hash); };
  addEventListener('hashchange', read);
  addEventListener('popstate', read);
  return Object.assign(route, { go, href });

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
    history[isStep ? 'pushState' : 'replaceState'](null, '', hash);
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
