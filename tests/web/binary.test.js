// The binary encoding, read back. The vectors are shared with tests/server/record_test.c, which
// writes them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { BinaryError, decodeBinary } from "../../web/client/binary.js";

const vectors = JSON.parse(
  readFileSync(new URL("../fixtures/binary/vectors.json", import.meta.url), "utf8"));

const bytesOf = (vector) => Uint8Array.from(Buffer.from(vector.bytes.join(""), "hex"));
const streamsOf = (vector) =>
  new Map(vector.streams.map(({ stream, ...definition }) => [stream, definition]));

for (const vector of vectors) {
  test(`golden: ${vector.name}`, () => {
    const streams = vector.message.type === "define" ? new Map() : streamsOf(vector);
    const message = decodeBinary(bytesOf(vector), streams);
    assert.deepEqual(message, vector.message);
    assert.deepEqual(streams, streamsOf(vector));
    // Fields stand in the order of the JSON encoding, too.
    assert.equal(JSON.stringify(message), JSON.stringify(vector.message));
  });
}

test("an ArrayBuffer and a view into one are read alike", () => {
  const [vector] = vectors, bytes = bytesOf(vector);
  const wide = new Uint8Array(bytes.length + 9);
  wide.set(bytes, 5);
  const view = new DataView(wide.buffer, 5, bytes.length);
  assert.deepEqual(decodeBinary(bytes.buffer, new Map()), vector.message);
  assert.deepEqual(decodeBinary(view, new Map()), vector.message);
});

test("a type that is not known is passed over", () => {
  assert.equal(decodeBinary(Uint8Array.of(9, 1, 2), new Map()), null);
});

test("a message that is cut off anywhere but behind a record is refused", () => {
  for (const vector of vectors) {
    const bytes = bytesOf(vector);
    let whole = 0;
    for (let length = 0; length < bytes.length; length++) {
      try {
        decodeBinary(bytes.subarray(0, length), streamsOf(vector));
        whole++;
      } catch (error) {
        assert.ok(error instanceof BinaryError, `${error}`);
      }
    }
    const records = vector.message.data?.length ?? vector.message.streams.length;
    assert.equal(whole, records, vector.name); // with fewer of them, down to none
  }
});

test("what no server writes is refused in words", () => {
  const streams = () => new Map([[0, { source: "x", symbol: "A", kind: "trade" }]]);
  const hex = (text) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
  const update = (record) => hex(`03 00000000000000 ${record}`);
  const refused = [
    [hex(""), /cut off/],
    [hex("03 00"), /cut off/],
    [update("0500 0000 0100 0005 1f"), /unknown kind of record, 5/],
    [update("0300 0000 0100 0001 02 0001 02"), /another kind than stream 0/],
    [update("0000 0100 0100 0005 1f"), /stream 1 is not defined/],
    [update("2800 0000 0100 0005 1f"), /unknown kind of time, 5/],
    [update("0000 0000 0100 1f 1f"), /without a price/],
    [update("0000 0000 0100 3f 1f"), /bad control byte, 63/],
    [update("0000 0000 0100 1e1f05 1f"), /bad form, 31/],
    [update("0000 0000 0100 1e2005 1f"), /bad form, 32/],
    [hex("01 000000 02 0178 0141"), /unknown kind of stream, 2/],
    [hex("01 000000 00 00 0141"), /empty name/],
    [hex("01 000000 00 01ff 0141"), /not UTF-8/],
  ];
  for (const [bytes, message] of refused)
    assert.throws(() => decodeBinary(bytes, streams()), (error) =>
      error instanceof BinaryError && message.test(error.message), Buffer.from(bytes).toString("hex"));
});

test("definitions of a message that is refused do not count", () => {
  const streams = new Map();
  assert.throws(() => decodeBinary(Uint8Array.from(Buffer.from("010000000001780141010000", "hex")), streams));
  assert.equal(streams.size, 0);
});

// A small generator, so that a failure comes back: mulberry32.
function randomBelow(seed) {
  return (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

test("whatever comes is a message or a BinaryError", () => {
  const below = randomBelow(20240808), all = vectors.map(bytesOf);
  const streams = new Map(vectors.flatMap((vector) => [...streamsOf(vector)]));
  let messages = 0, refused = 0;
  for (let i = 0; i < 60000; i++) {
    const bytes = all[below(all.length)].slice();
    for (let changes = below(4); changes >= 0 && bytes.length > 0; changes--)
      bytes[below(bytes.length)] = below(3) === 0 ? 255 : below(256);
    const part = below(8) === 0 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
    try {
      const message = decodeBinary(part, new Map(streams));
      for (const item of message?.data ?? []) {
        assert.ok(Number.isFinite(item.seq) && item.seq >= 0);
        for (const name of ["price", "size", "bid", "bid_size", "ask", "ask_size"])
          if (name in item) assert.match(item[name], /^-?(0|[1-9][0-9]*)(\.[0-9]{1,30})?$/);
      }
      messages++;
    } catch (error) {
      assert.ok(error instanceof BinaryError, `${Buffer.from(part).toString("hex")}: ${error.stack}`);
      refused++;
    }
  }
  assert.ok(messages > 10000 && refused > 10000, `${messages} ${refused}`);
});
