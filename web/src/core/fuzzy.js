/** Finds names by some of their letters, in order: "btcu" finds BTC-USD. */

/**
 * How well `query` fits `name`, both lower case; the larger the better.
 * @returns {number} 0: not at all
 */
export function scoreOf(query, name) {
  if (query === '') return 1;
  if (name === query) return 1000;
  const at = name.indexOf(query);
  if (at === 0) return 500 - Math.min(100, name.length);
  if (at > 0) return (isBoundary(name, at) ? 400 : 300) - Math.min(100, name.length);
  let score = 0;
  let from = 0;
  for (const letter of query) {
    const found = name.indexOf(letter, from);
    if (found < 0) return 0;
    score += found === from ? 3 : isBoundary(name, found) ? 2 : 0;
    from = found + letter.length;
  }
  return 1 + score;
}

/**
 * @template T @param {string} query @param {Iterable<T>} things @param {(thing: T) => string} nameOf
 * @returns {T[]} the best `max`, best first; equal ones as they came
 */
export function search(query, things, nameOf, max = 10) {
  const wanted = query.trim().toLowerCase();
  const found = [];
  for (const thing of things) {
    const score = scoreOf(wanted, nameOf(thing).toLowerCase());
    if (score > 0) found.push({ thing, score });
  }
  found.sort((a, b) => b.score - a.score);
  return found.slice(0, max).map(({ thing }) => thing);
}

function isBoundary(name, at) {
  return at === 0 || /[^a-z0-9]/.test(name[at - 1]);
}
