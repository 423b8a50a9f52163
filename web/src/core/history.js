/**
 * What the page received, kept so that the screen can stand still or go back: a ring of bytes of a fixed
 * size, because some hundred thousand objects would keep the garbage collector busy for nothing.
 *
 * The ring is made of chunks. Before a chunk is used again it is folded into the *base*: the last item of
 * each stream and the state of each feed, as they stood where the ring now begins. So the state of the
 * market at any kept instant is the base and what stands between it and that instant.
 *
 * Besides items an entry may be anything with a `type`; of those only references are kept. `atMs` is when
 * an entry came, on a monotonic clock; `clockUs` what the screen's clock said then.
 *
 * @typedef {{type: string, [field: string]: any}} Entry
 * @typedef {{chunk: number, offset: number, events: number, clockUs?: number}} Cursor between two entries;
 *   `events` counts all that came before it, `clockUs` is of the entry passed last
 */
import { createItemCodec } from './codec.js';

const CHUNK_BYTES = 1 << 20;
const BATCH = 1;
const CONTROL = 2;
const BATCH_HEAD = 22; // tag, is it a snapshot, items, atMs, clockUs
const CONTROL_HEAD = 21; // tag, number, atMs, clockUs
const CONTROLS_MAX = 4096; // in a chunk: then it counts as full

/** @param {{bytes?: number, chunkBytes?: number}} [limits] */
export function createHistory({ bytes = 32 * CHUNK_BYTES, chunkBytes = CHUNK_BYTES } = {}) {
  const count = Math.max(2, Math.floor(bytes / chunkBytes));
  // All at once: pages that are never written to cost nothing, and nothing grows later.
  const memory = new ArrayBuffer(count * chunkBytes);
  const codec = createItemCodec();
  const pool = Array.from({ length: count }, (_, at) => createBuffer(memory, at * chunkBytes, chunkBytes));
  const chunks = [];
  let firstChunk = 0; // the number of chunks[0]
  let events = 0;
  const base = createBase(codec);

  return {
    push, end, begin, cursorAt, isLost, read, stateAt, timeOf,
    /** Events that came, those passed over for us included. */
    get events() { return events; },
    get streams() { return codec.streams.length; },
    /** Of the oldest and the newest entry; undefined when there is none. */
    get startMs() { return chunks[0]?.startMs; },
    get endMs() { return chunks.at(-1)?.endMs; },
  };

  /** @param {Entry} entry @param {number} atMs @param {number} clockUs */
  function push(entry, atMs, clockUs) {
    if (entry.type === 'items') pushItems(entry, atMs, clockUs);
    else pushControl(entry, atMs, clockUs);
  }

  function pushControl(entry, atMs, clockUs) {
    const chunk = roomFor(CONTROL_HEAD, atMs);
    const { view } = chunk.buffer;
    view.setUint8(chunk.used, CONTROL);
    view.setUint32(chunk.used + 1, chunk.controls.length, true);
    view.setFloat64(chunk.used + 5, atMs, true);
    view.setFloat64(chunk.used + 13, clockUs, true);
    chunk.controls.push(entry);
    chunk.used += CONTROL_HEAD;
    chunk.endMs = atMs;
  }

  function pushItems({ items, isSnapshot }, atMs, clockUs) {
    let chunk = null;
    let head = 0;
    let written = 0;
    for (const item of items) {
      if (!chunk || chunk.used + codec.sizeMax > chunkBytes) {
        if (chunk) chunk.buffer.view.setUint32(head + 2, written, true);
        chunk = roomFor(BATCH_HEAD + codec.sizeMax, atMs);
        head = chunk.used;
        written = 0;
        const { view } = chunk.buffer;
        view.setUint8(head, BATCH);
        view.setUint8(head + 1, isSnapshot ? 1 : 0);
        view.setFloat64(head + 6, atMs, true);
        view.setFloat64(head + 14, clockUs, true);
        chunk.used += BATCH_HEAD;
        chunk.endMs = atMs;
      }
      chunk.used = codec.write(chunk.buffer, chunk.used, item);
      written++;
      events += 1 + (item.skipped ?? 0);
    }
    if (chunk) chunk.buffer.view.setUint32(head + 2, written, true);
  }

  function roomFor(size, atMs) {
    const last = chunks.at(-1);
    if (last && last.used + size <= chunkBytes && last.controls.length < CONTROLS_MAX) return last;
    if (pool.length === 0) {
      const [oldest] = chunks.splice(0, 1);
      base.fold(oldest);
      pool.push(oldest.buffer);
      firstChunk++;
    }
    const chunk = { buffer: pool.pop(), used: 0, controls: [], events, startMs: atMs, endMs: atMs };
    chunks.push(chunk);
    return chunk;
  }

  /** @returns {Cursor} behind the newest entry */
  function end() {
    const last = chunks.at(-1);
    return { chunk: firstChunk + Math.max(0, chunks.length - 1), offset: last?.used ?? 0, events };
  }

  /** @returns {Cursor} where the ring begins */
  function begin() {
    return { chunk: firstChunk, offset: 0, events: chunks[0]?.events ?? events };
  }

  /** Has what follows the cursor been forgotten meanwhile? */
  function isLost(cursor) {
    return cursor.chunk < firstChunk;
  }

  /** @returns {Cursor} behind the last entry that came at or before atMs */
  function cursorAt(atMs) {
    let at = chunks.length - 1;
    while (at > 0 && chunks[at].startMs > atMs) at--;
    const cursor = { chunk: firstChunk + Math.max(0, at), offset: 0, events: chunks[at]?.events ?? events };
    if (at >= 0) read(cursor, { untilMs: atMs });
    return cursor;
  }

  /** When the entry behind the cursor came, and the screen's clock then; null at the end.
   *  @returns {{atMs: number, clockUs: number}|null} */
  function timeOf(cursor) {
    for (let number = Math.max(cursor.chunk, firstChunk); number - firstChunk < chunks.length; number++) {
      const chunk = chunks[number - firstChunk];
      const offset = number === cursor.chunk ? cursor.offset : 0;
      if (offset >= chunk.used) continue;
      const { view } = chunk.buffer;
      const at = offset + (view.getUint8(offset) === BATCH ? 6 : 5);
      return { atMs: view.getFloat64(at, true), clockUs: view.getFloat64(at + 8, true) };
    }
    return null;
  }

  /**
   * Moves the cursor over the entries that came until `untilMs`, at most `limit` of them, and hands each
   * to `take`. A batch that stands in two chunks comes as two.
   * @param {Cursor} cursor
   * @param {{untilMs?: number, limit?: number, notesOnly?: boolean,
   *   take?: (entry: Entry, atMs: number, clockUs: number) => void}} [options] `notesOnly`: items are passed unread
   * @returns {number} how many entries were passed
   */
  function read(cursor, { untilMs = Infinity, limit = Infinity, notesOnly = false, take } = {}) {
    if (isLost(cursor)) Object.assign(cursor, begin());
    let passed = 0;
    while (passed < limit) {
      const chunk = chunks[cursor.chunk - firstChunk];
      if (!chunk) break;
      if (cursor.offset >= chunk.used) {
        if (cursor.chunk - firstChunk >= chunks.length - 1) break;
        cursor.chunk++;
        cursor.offset = 0;
        continue;
      }
      if (!readEntry(chunk, cursor, untilMs, take, notesOnly)) break;
      passed++;
    }
    return passed;
  }

  function readEntry(chunk, cursor, untilMs, take, notesOnly) {
    const { buffer, controls } = chunk;
    const { view } = buffer;
    const { offset } = cursor;
    if (view.getUint8(offset) === CONTROL) {
      const atMs = view.getFloat64(offset + 5, true);
      if (atMs > untilMs) return false;
      cursor.offset += CONTROL_HEAD;
      cursor.clockUs = view.getFloat64(offset + 13, true);
      take?.(controls[view.getUint32(offset + 1, true)], atMs, cursor.clockUs);
      return true;
    }
    const atMs = view.getFloat64(offset + 6, true);
    if (atMs > untilMs) return false;
    const length = view.getUint32(offset + 2, true);
    let at = offset + BATCH_HEAD;
    cursor.clockUs = view.getFloat64(offset + 14, true);
    if (take && !notesOnly) {
      const items = new Array(length);
      for (let index = 0; index < length; index++) {
        items[index] = codec.read(buffer, at);
        at += codec.sizeOf(buffer, at);
        cursor.events += 1 + (items[index].skipped ?? 0);
      }
      cursor.offset = at;
      take({ type: 'items', items, isSnapshot: view.getUint8(offset + 1) === 1 }, atMs, cursor.clockUs);
    } else {
      for (let index = 0; index < length; index++) {
        cursor.events += 1 + codec.skippedOf(buffer, at);
        at += codec.sizeOf(buffer, at);
      }
      cursor.offset = at;
    }
    return true;
  }

  /**
   * How things stood at the cursor: the newest item of each stream of the epoch, and the states.
   * @param {Cursor} cursor
   * @returns {{items: object[], feeds: Entry[], hello: Entry|undefined, state: Entry|undefined}}
   */
  function stateAt(cursor) {
    const state = base.copy();
    for (let number = firstChunk; number <= cursor.chunk && number - firstChunk < chunks.length; number++) {
      state.pass(chunks[number - firstChunk], number === cursor.chunk ? cursor.offset : Infinity);
    }
    return state.result();
  }
}

function createBuffer(memory, offset, length) {
  return { bytes: new Uint8Array(memory, offset, length), view: new DataView(memory, offset, length), texts: [] };
}

/** The state of all streams and feeds where the ring begins. */
function createBase(codec) {
  const kept = codec.createSlots();
  let controls = { feeds: new Map(), hello: undefined, state: undefined };

  return { fold, copy };

  function fold(chunk) {
    const state = copy();
    state.pass(chunk, Infinity);
    if (state.hasReset) kept.clear();
    state.forEachPlace((stream, buffer, offset) => kept.put(stream, buffer, offset));
    controls = state.controls;
    chunk.buffer.texts = [];
  }

  function copy() {
    const places = new Int32Array(codec.streams.length).fill(-1); // by stream: where its newest item stands
    const buffers = []; // a place is the buffer's number here and the offset in it
    const state = {
      hasReset: false,
      controls: { ...controls, feeds: new Map(controls.feeds) },
      pass, forEachPlace, result,
    };
    return state;

    function pass({ buffer, used, controls: notes }, until) {
      const { view } = buffer;
      const stop = Math.min(used, until);
      const first = (buffers.push(buffer) - 1) * buffer.bytes.length;
      let at = 0;
      while (at < stop) {
        if (view.getUint8(at) === CONTROL) {
          note(notes[view.getUint32(at + 1, true)]);
          at += CONTROL_HEAD;
          continue;
        }
        const length = view.getUint32(at + 2, true);
        at += BATCH_HEAD;
        for (let index = 0; index < length && at < stop; index++) {
          places[codec.streamOf(buffer, at)] = first + at;
          at += codec.sizeOf(buffer, at);
        }
      }
    }

    function note(entry) {
      if (entry.type === 'feed') state.controls.feeds.set(entry.source, entry);
      else if (entry.type === 'state') state.controls.state = entry;
      if (entry.type === 'hello') {
        state.controls.hello = entry;
        state.controls.feeds.clear();
      }
      if (entry.type !== 'reset' && !(entry.type === 'hello' && entry.hello?.isNewEpoch)) return;
      places.fill(-1);
      state.hasReset = true;
    }

    function forEachPlace(visit) {
      for (let stream = 0; stream < places.length; stream++) {
        if (places[stream] < 0) continue;
        const length = buffers[0].bytes.length;
        visit(stream, buffers[Math.floor(places[stream] / length)], places[stream] % length);
      }
    }

    function result() {
      const items = [];
      if (!state.hasReset) kept.forEach((stream, item) => { if (places[stream] < 0) items.push(item()); });
      forEachPlace((stream, buffer, offset) => items.push(codec.read(buffer, offset)));
      for (const item of items) delete item.skipped; // a snapshot says where streams stand
      return { items, feeds: [...state.controls.feeds.values()], hello: state.controls.hello, state: state.controls.state };
    }
  }
}
