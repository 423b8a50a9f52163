/**
 * Items as bytes. Decimals stay the text they are: no digit may be lost on the way through the ring.
 *
 * Layout: head (kind, side, which fields), stream u32, seq f64, then those of skipped, recv and ts as f64
 * that there are, then each text as a length and its characters. A text that is not short ASCII stands in
 * the buffer's list of texts, and its number here.
 */
const QUOTE = 1;
const BUY = 2;
const SELL = 4;
const HAS_SKIPPED = 8;
const HAS_RECV = 16;
const HAS_TS = 32;
const FIXED = 13;
const TEXT_MAX = 60;
const ELSEWHERE = 254;
const ABSENT = 255;
const FIELDS = { trade: ['price', 'size'], quote: ['bid', 'bid_size', 'ask', 'ask_size'] };
const SLOT_BYTES = 96;

export function createItemCodec() {
  const streams = []; // number → {kind, source, symbol}
  const numbers = new Map(); // source → symbol → numbers of its trades and quotes

  return {
    streams, write, read, sizeOf, streamOf, skippedOf, createSlots,
    /** No item takes more. */
    sizeMax: FIXED + 3 * 8 + 4 * (1 + TEXT_MAX),
  };

  function streamNumber({ source, symbol, kind }) {
    let symbols = numbers.get(source);
    if (!symbols) numbers.set(source, (symbols = new Map()));
    let pair = symbols.get(symbol);
    if (!pair) symbols.set(symbol, (pair = [-1, -1]));
    const side = kind === 'quote' ? 1 : 0;
    if (pair[side] < 0) pair[side] = streams.push({ kind: side === 1 ? 'quote' : 'trade', source, symbol }) - 1;
    return pair[side];
  }

  /** @returns {number} the offset behind it */
  function write(buffer, offset, item) {
    const { view } = buffer;
    const isQuote = item.kind === 'quote';
    let head = isQuote ? QUOTE : item.side === 'buy' ? BUY : item.side === 'sell' ? SELL : 0;
    view.setUint32(offset + 1, streamNumber(item), true);
    view.setFloat64(offset + 5, item.seq, true);
    let at = offset + FIXED;
    if (item.skipped > 0) { head |= HAS_SKIPPED; view.setFloat64(at, item.skipped, true); at += 8; }
    if (item.recv !== undefined) { head |= HAS_RECV; view.setFloat64(at, item.recv, true); at += 8; }
    if (item.ts !== undefined) { head |= HAS_TS; view.setFloat64(at, item.ts, true); at += 8; }
    view.setUint8(offset, head);
    at = writeText(buffer, at, isQuote ? item.bid : item.price);
    at = writeText(buffer, at, isQuote ? item.bid_size : item.size);
    if (!isQuote) return at;
    return writeText(buffer, writeText(buffer, at, item.ask), item.ask_size);
  }

  function writeText(buffer, at, text) {
    const { bytes } = buffer;
    if (typeof text !== 'string') {
      bytes[at] = ABSENT;
      return at + 1;
    }
    if (text.length > TEXT_MAX) return writeElsewhere(buffer, at, text);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) return writeElsewhere(buffer, at, text);
      bytes[at + 1 + index] = code;
    }
    bytes[at] = text.length;
    return at + 1 + text.length;
  }

  function writeElsewhere(buffer, at, text) {
    buffer.bytes[at] = ELSEWHERE;
    buffer.view.setUint32(at + 1, buffer.texts.push(text) - 1, true);
    return at + 5;
  }

  function textsAt(head, offset) {
    return offset + FIXED + (head & HAS_SKIPPED ? 8 : 0) + (head & HAS_RECV ? 8 : 0) + (head & HAS_TS ? 8 : 0);
  }

  function sizeOf({ bytes }, offset) {
    const head = bytes[offset];
    let at = textsAt(head, offset);
    for (let left = head & QUOTE ? 4 : 2; left > 0; left--) {
      const length = bytes[at];
      at += length === ABSENT ? 1 : length === ELSEWHERE ? 5 : 1 + length;
    }
    return at - offset;
  }

  function streamOf({ view }, offset) {
    return view.getUint32(offset + 1, true);
  }

  function skippedOf({ view }, offset) {
    return view.getUint8(offset) & HAS_SKIPPED ? view.getFloat64(offset + FIXED, true) : 0;
  }

  function read(buffer, offset) {
    const { bytes, view } = buffer;
    const head = bytes[offset];
    const { kind, source, symbol } = streams[streamOf(buffer, offset)];
    const item = { kind, symbol, source, seq: view.getFloat64(offset + 5, true) };
    let at = offset + FIXED;
    if (head & HAS_SKIPPED) { item.skipped = view.getFloat64(at, true); at += 8; }
    if (head & HAS_RECV) { item.recv = view.getFloat64(at, true); at += 8; }
    if (head & HAS_TS) { item.ts = view.getFloat64(at, true); at += 8; }
    if (head & BUY) item.side = 'buy';
    if (head & SELL) item.side = 'sell';
    for (const field of FIELDS[kind]) {
      const length = bytes[at++];
      if (length === ABSENT) continue;
      if (length === ELSEWHERE) {
        item[field] = buffer.texts[view.getUint32(at, true)];
        at += 4;
        continue;
      }
      item[field] = String.fromCharCode.apply(null, bytes.subarray(at, at + length));
      at += length;
    }
    return item;
  }

  /** Room for one item of each stream. */
  function createSlots() {
    let buffer = slotBuffer(64);
    let isUsed = new Uint8Array(64);
    const large = new Map(); // those that do not fit: stream → item
    return { clear, put, forEach };

    function clear() {
      isUsed.fill(0);
      large.clear();
    }

    function put(stream, from, offset) {
      if (stream >= isUsed.length) grow(Math.max(stream + 1, isUsed.length * 2));
      const size = sizeOf(from, offset);
      large.delete(stream);
      isUsed[stream] = 1;
      const isWhole = size <= SLOT_BYTES && !hasTextElsewhere(from, offset);
      if (isWhole) buffer.bytes.set(from.bytes.subarray(offset, offset + size), stream * SLOT_BYTES);
      else large.set(stream, read(from, offset));
    }

    function forEach(visit) {
      for (let stream = 0; stream < isUsed.length; stream++) {
        if (isUsed[stream] === 0) continue;
        const item = large.get(stream);
        visit(stream, () => (item ? { ...item } : read(buffer, stream * SLOT_BYTES)));
      }
    }

    function grow(count) {
      const larger = slotBuffer(count);
      larger.bytes.set(buffer.bytes);
      const used = new Uint8Array(count);
      used.set(isUsed);
      buffer = larger;
      isUsed = used;
    }
  }

  function hasTextElsewhere(buffer, offset) {
    const head = buffer.bytes[offset];
    let at = textsAt(head, offset);
    for (let left = head & QUOTE ? 4 : 2; left > 0; left--) {
      const length = buffer.bytes[at];
      if (length === ELSEWHERE) return true;
      at += length === ABSENT ? 1 : 1 + length;
    }
    return false;
  }
}

function slotBuffer(count) {
  const memory = new ArrayBuffer(count * SLOT_BYTES);
  return { bytes: new Uint8Array(memory), view: new DataView(memory), texts: [] };
}
