/**
 * The binary encoding of the pricecast protocol (subprotocol `pricecast.v1.bin`): what stands in
 * its binary frames, byte by byte, is in server/PROTOCOL.md, "Binary frames".
 *
 *     const streams = new Map();                       // one for each connection
 *     socket.binaryType = "arraybuffer";
 *     socket.onmessage = ({ data }) => {
 *       const message = typeof data === "string" ? JSON.parse(data) : decodeBinary(data, streams);
 *       …
 *     };
 *
 * A decoded snapshot or update is the object that the JSON encoding would have given, its decimals
 * strings with every digit the source wrote. Whatever is not as the protocol has it throws a
 * BinaryError and leaves `streams` as it was. No dependencies.
 */

/**
 * @typedef {{source: string, symbol: string, kind: "trade" | "quote"}} Definition
 * @typedef {{ingest?: number, bus?: number, write: number}} Clocks
 * @typedef {{kind: "trade" | "quote", symbol: string, source: string, seq: number, ts?: number,
 *   recv?: number, price?: string, size?: string, side?: "buy" | "sell", bid?: string,
 *   bid_size?: string, ask?: string, ask_size?: string, skipped?: number, open?: string,
 *   high?: string, low?: string, volume?: string, unseen?: number, clocks?: Clocks}} Item
 * @typedef {{type: "define", streams: number[]}} DefineMessage
 * @typedef {{type: "snapshot" | "update", data: Item[]}} DataMessage
 */

/** The bytes are not a message of the protocol. */
export class BinaryError extends Error {
  name = "BinaryError";
}

const DEFINE = 1, SNAPSHOT = 2, UPDATE = 3;
const EXPLICIT = 30, ABSENT = 31;
const SEQ_BYTES = [2, 3, 4, 8], SKIPPED_BYTES = [0, 1, 4, 8];
const SIDES = [undefined, "buy", "sell"];
const NO_CLOCK = -(2n ** 63n);

/** [digits after the point, zeros dropped from the significand] by form. */
const FORMS = [
  [0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [6, 0], [7, 0], [8, 0],
  [8, 1], [8, 2], [8, 3], [8, 4], [8, 5], [8, 6], [8, 7], [8, 8],
  [5, 1], [5, 2], [5, 3], [5, 4], [5, 5],
  [4, 1], [4, 2], [4, 3], [4, 4],
  [2, 1], [2, 2],
  [9, 0], [10, 0],
];

const utf8 = new TextDecoder("utf-8", { fatal: true });

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  get isAtEnd() {
    return this.at === this.bytes.length;
  }

  /** Moves on; returns where it was. @param {number} count */
  skip(count) {
    const at = this.at;
    if (count > this.bytes.length - at)
      throw new BinaryError(`cut off: ${count} bytes are missing at byte ${at} of ${this.bytes.length}`);
    this.at += count;
    return at;
  }

  byte() {
    return this.bytes[this.skip(1)];
  }

  /** An unsigned integer of up to 6 bytes. @param {number} width */
  unsigned(width) {
    const at = this.skip(width);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.bytes[at + i];
    return value;
  }

  /** One of up to 8, exact. @param {number} width @returns {number | bigint} */
  exact(width) {
    if (width <= 6) return this.unsigned(width);
    const low = this.unsigned(6);
    return BigInt(this.unsigned(width - 6)) * 0x1000000000000n + BigInt(low);
  }

  /** As JSON has integers. @param {number} width */
  integer(width) {
    return Number(this.exact(width));
  }

  int64() {
    return this.view.getBigInt64(this.skip(8), true);
  }

  name() {
    const length = this.byte();
    if (length === 0) throw new BinaryError(`an empty name at byte ${this.at - 1}`);
    const at = this.skip(length);
    try {
      return utf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw new BinaryError(`a name that is not UTF-8 at byte ${at}`);
    }
  }
}

/** @param {number | bigint} significand @param {number} digits @param {number} zeros */
function decimalText(significand, digits, zeros) {
  let text = String(significand);
  if (zeros > 0) text += "0".repeat(zeros);
  if (digits === 0) return text;
  text = text.padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The `count` values, one or two, behind a control byte; none if they are absent.
 * @param {Reader} reader @param {1 | 2} count @param {boolean} [mayBeWide]
 * @returns {(string | undefined)[]} */
function readValues(reader, count, mayBeWide = false) {
  const control = reader.byte(), form = control & 31, width = (control >> 5) + 1;
  if (form === ABSENT) {
    if (width !== 1 || count > 1)
      throw new BinaryError(`a bad control byte, ${control}, at byte ${reader.at - 1}`);
    return [undefined];
  }
  let sign = "", digits, zeros = 0;
  if (form === EXPLICIT) {
    const explicit = reader.byte();
    digits = explicit & 31;
    sign = explicit & 0x80 ? "-" : "";
    if ((explicit & (mayBeWide ? 0x20 : 0x60)) !== 0 || digits === 31)
      throw new BinaryError(`a bad form, ${explicit}, at byte ${reader.at - 1}`);
    if (explicit & 0x40) {
      const low = BigInt(reader.exact(8)), high = BigInt(reader.exact(width));
      return [sign + decimalText((high << 64n) + low, digits, 0)];
    }
  } else {
    [digits, zeros] = FORMS[form];
  }
  const first = sign + decimalText(reader.exact(width), digits, zeros);
  return count === 1 ? [first] : [first, sign + decimalText(reader.exact(width), digits, zeros)];
}

/** One value, absent or not, as a field of `item`. @param {Reader} reader @param {any} item @param {string} name */
function readField(reader, item, name) {
  const [value] = readValues(reader, 1);
  if (value !== undefined) item[name] = value;
}

/** @param {Reader} reader @param {number} code @param {number} base */
function readTime(reader, code, base) {
  switch (code) {
    case 0:
      return undefined;
    case 1:
      return base;
    case 2:
      return base + reader.view.getInt16(reader.skip(2), true);
    case 3: {
      const value = reader.unsigned(3);
      return base + (value >= 0x800000 ? value - 0x1000000 : value);
    }
    case 4:
      return Number(reader.int64());
    default:
      throw new BinaryError(`an unknown kind of time, ${code}, before byte ${reader.at}`);
  }
}

/** @param {Reader} reader @param {any} item */
function readOhlc(reader, item) {
  for (const name of ["open", "high", "low"]) readField(reader, item, name);
  const [volume] = readValues(reader, 1, true);
  if (volume !== undefined) item.volume = volume;
  readField(reader, item, "unseen");
  const prices = [item.open, item.high, item.low].filter((price) => price !== undefined).length;
  if (prices !== 3 && (prices !== 0 || item.unseen === undefined))
    throw new BinaryError(`a price is missing before byte ${reader.at}`);
  if (item.unseen !== undefined) item.unseen = Number(item.unseen);
}

/** @param {Reader} reader @returns {Clocks} */
function readClocks(reader) {
  const ingest = reader.int64(), bus = reader.int64(), write = reader.int64();
  return {
    ...(ingest !== NO_CLOCK && { ingest: Number(ingest) }),
    ...(bus !== NO_CLOCK && { bus: Number(bus) }),
    write: Number(write),
  };
}

/** @param {Reader} reader @param {number} base @param {Map<number, Definition>} definitions @returns {Item} */
function readItem(reader, base, definitions) {
  const begin = reader.at;
  const head = reader.unsigned(2), what = head & 7;
  const stream = reader.unsigned(head & 0x200 ? 3 : 2);
  const definition = definitions.get(stream);
  if (what > 4) throw new BinaryError(`an unknown kind of record, ${what}, at byte ${begin}`);
  if (definition === undefined)
    throw new BinaryError(`stream ${stream} is not defined, at byte ${begin}`);
  if ((definition.kind === "trade") !== what < 3)
    throw new BinaryError(`a record of another kind than stream ${stream}, at byte ${begin}`);
  /** @type {any} */
  const item = { kind: definition.kind, symbol: definition.symbol, source: definition.source };
  item.seq = reader.integer(SEQ_BYTES[(head >> 10) & 3]);
  const skipped = reader.integer(SKIPPED_BYTES[(head >> 12) & 3]);
  const recv = readTime(reader, (head >> 3) & 7, base), ts = readTime(reader, (head >> 6) & 7, base);
  if (ts !== undefined) item.ts = ts;
  if (recv !== undefined) item.recv = recv;
  if (what < 3) {
    readField(reader, item, "price");
    if (item.price === undefined)
      throw new BinaryError(`a trade without a price, at byte ${begin}`);
    readField(reader, item, "size");
    if (SIDES[what] !== undefined) item.side = SIDES[what];
  } else if (what === 3) {
    const [bid, ask] = readValues(reader, 2), [bidSize, askSize] = readValues(reader, 2);
    Object.assign(item, { bid, bid_size: bidSize, ask, ask_size: askSize });
  } else {
    for (const name of ["bid", "bid_size", "ask", "ask_size"]) readField(reader, item, name);
  }
  if (skipped > 0) item.skipped = skipped;
  if (head & 0x4000) readOhlc(reader, item);
  if (head & 0x8000) item.clocks = readClocks(reader);
  return item;
}

/** @param {Reader} reader @param {Map<number, Definition>} definitions @returns {DefineMessage} */
function readDefinitions(reader, definitions) {
  /** @type {Map<number, Definition>} */
  const found = new Map();
  while (!reader.isAtEnd) {
    const stream = reader.unsigned(3), kind = reader.byte();
    if (kind > 1) throw new BinaryError(`an unknown kind of stream, ${kind}, at byte ${reader.at - 1}`);
    const source = reader.name(), symbol = reader.name();
    found.set(stream, { source, symbol, kind: kind === 0 ? "trade" : "quote" });
  }
  for (const [stream, definition] of found) definitions.set(stream, definition);
  return { type: "define", streams: [...found.keys()] };
}

/**
 * Reads one binary frame.
 * @param {ArrayBuffer | ArrayBufferView} data the frame's payload
 * @param {Map<number, Definition>} definitions what the connection's stream numbers stand for;
 *   frames of definitions add to it
 * @returns {DataMessage | DefineMessage | null} null for a type this version does not know, which a
 *   client passes over
 */
export function decodeBinary(data, definitions) {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const reader = new Reader(bytes);
  const type = reader.byte();
  if (type === DEFINE) return readDefinitions(reader, definitions);
  if (type !== SNAPSHOT && type !== UPDATE) return null;
  const low = reader.unsigned(4), high = reader.unsigned(3);
  const base = (high >= 0x800000 ? high - 0x1000000 : high) * 0x100000000 + low;
  const items = [];
  while (!reader.isAtEnd) items.push(readItem(reader, base, definitions));
  return { type: type === SNAPSHOT ? "snapshot" : "update", data: items };
}
