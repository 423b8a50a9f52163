/** @typedef {{source: string, symbol: string, kind: import('./subscription.js').Kind, seq: number}} Place */

export const MESSAGE_BYTES_MAX = 60_000; // the server takes 65,536, of which some are for the rest

/**
 * Cuts a list of symbols, with the streams to be resumed under them, into pieces that fit a message
 * each. Streams of a single name or pattern that are too many for a message are left out: they get a
 * snapshot.
 * @param {string[]} symbols @param {Place[]} places
 * @returns {{symbols: string[], places: Place[]}[]}
 */
export function cutToFit(symbols, places, limit = MESSAGE_BYTES_MAX) {
  const groups = new Map(symbols.map((symbol) => [symbol, /** @type {Place[]} */ ([])]));
  // A pattern's streams go with the first one: all that counts is that it covers them.
  const pattern = symbols.find((symbol) => symbol.includes('*'));
  for (const place of places) (groups.get(place.symbol) ?? groups.get(pattern ?? ''))?.push(place);
  const pieces = [];
  let piece;
  let room = 0;
  for (const [symbol, found] of groups) {
    const own = bytesOf(symbol) + 3;
    let bytes = own + found.reduce((sum, { source, symbol: name }) => sum + bytesOf(source) + bytesOf(name) + 36, 0);
    const fits = bytes <= limit;
    if (!fits) bytes = own;
    if (!piece || bytes > room) {
      pieces.push((piece = { symbols: /** @type {string[]} */ ([]), places: /** @type {Place[]} */ ([]) }));
      room = limit;
    }
    room -= bytes;
    piece.symbols.push(symbol);
    if (fits) piece.places.push(...found);
  }
  return pieces;
}

/** At most: a character of UTF-16 takes up to 3 bytes, or 6 where JSON escapes it. */
function bytesOf(text) {
  return /^[\w./:-]*$/.test(text) ? text.length : 6 * text.length;
}
