// Candles over HTTP, of recordings whose candles are known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quote, recording, startServer, trade } from '../support/server.mjs';

const MINUTE = 60_000_000;
const START = 1_700_000_040_000_000; // a full minute
const at = (seconds) => START + seconds * 1_000_000;

const DAY = [
  trade('A', at(0), { price: '1.50', size: '2' }),
  trade('A', at(10), { price: '1.70', size: '0.25' }),
  quote('B', at(20), { bid: '1.49', ask: '1.50' }),
  trade('A', at(59), { price: '1.40', size: '1' }),
  trade('A', at(60), { price: '1.45' }),
  quote('B', at(90), { bid: '1.51', ask: '1.53' }),
];
const A = [
  [START, '1.50', '1.70', '1.40', '1.40', '3.25'],
  [START + MINUTE, '1.45', '1.45', '1.45', '1.45', '2'],
];

/** A server that has played all of the recording. */
async function played(t, items = DAY, args = []) {
  const server = await startServer(t, ['--feed', recording(t, items), '--speed', 'max', ...args]);
  await server.untilReplay('ended');
  return server;
}
const candlesOf = async (server, query) => (await server.http(`/api/v1/candles?${query}`)).json.candles;

test('candles of trades, of any interval, limited and paged', async (t) => {
  const server = await played(t);
  const { json } = await server.http('/api/v1/candles?symbol=A');
  const { seen, ...rest_ } = json;
  assert.deepEqual(rest_, { symbol: 'A', interval: '1m', kind: 'trade', candles: A });
  const { json: { symbols } } = await server.http('/api/v1/symbols');
  const { streams } = symbols.find(({ symbol }) => symbol === 'A');
  assert.deepEqual(seen.sort(), streams.map(({ source, kind, seq }) => [source, kind, seq]).sort());
  assert.deepEqual(await candlesOf(server, 'symbol=A&interval=1m&limit=1'), A.slice(1));
  assert.deepEqual(await candlesOf(server, `symbol=A&interval=1m&limit=1&before=${START + MINUTE}`), A.slice(0, 1));
  assert.deepEqual((await candlesOf(server, 'symbol=A&interval=1s')).map(([time]) => time), [at(0), at(10), at(59), at(60)]);
  for (const interval of ['1h', '4h', '1d']) {
    const [[time, ...rest]] = await candlesOf(server, `symbol=A&interval=${interval}`);
    assert.equal(time % 3_600_000_000, 0);
    assert.deepEqual(rest, ['1.50', '1.70', '1.40', '1.45', '5.25']);
  }
});

test('a symbol without trades has candles of the middle of its quotes', async (t) => {
  const server = await played(t);
  const { json } = await server.http('/api/v1/candles?symbol=B');
  assert.deepEqual([json.kind, json.candles], ['quote', [
    [START, '1.495', '1.495', '1.495', '1.495', '0'],
    [START + MINUTE, '1.52', '1.52', '1.52', '1.52', '0'],
  ]]);
});

test('stats tell of the last day', async (t) => {
  const server = await played(t);
  const from = START - (START % (60 * MINUTE));
  const { json } = await server.http('/api/v1/stats?symbols=A*');
  assert.deepEqual(json.stats, [{
    symbol: 'A', kind: 'trade', from, open: '1.50', high: '1.70', low: '1.40', last: '1.45',
    volume: '5.25', change: '-0.05', change_pct: -3.3333,
  }]);
  assert.deepEqual((await server.http('/api/v1/stats')).json.stats.map(({ symbol }) => symbol), ['A', 'B']);
  assert.deepEqual((await server.http('/api/v1/stats?symbols=C')).json.stats, []);
});

test('a seek begins again: only what is played afterwards counts', async (t) => {
  const server = await played(t);
  await server.replay({ action: 'seek', to: at(60) });
  await server.untilReplay('ended');
  assert.deepEqual(await candlesOf(server, 'symbol=A'), A.slice(1));
});

test('what cannot be answered is refused', async (t) => {
  const server = await played(t);
  for (const [query, status, words] of [
    ['', 400, /^symbol:/], ['symbol=', 400, /^symbol:/], [`symbol=${'x'.repeat(129)}`, 400, /^symbol:/],
    ['symbol=A&interval=2s', 400, /^interval: 1s, 5s/], ['symbol=A&interval=', 400, /^interval:/],
    ['symbol=A&limit=0', 400, /^limit:/], ['symbol=A&limit=5001', 400, /^limit:/],
    ['symbol=A&limit=1e3', 400, /^limit:/], ['symbol=A&limit=%201', 400, /^limit:/],
    ['symbol=A&before=1.5', 400, /^before:/], ['symbol=A&before=99999999999999999999', 400, /^before:/],
    ['symbol=C', 404, /symbol/],
  ]) {
    const answer = await server.http(`/api/v1/candles?${query}`);
    assert.equal(answer.status, status, query);
    assert.match(answer.json.error.message, words);
  }
  const bad = await server.http(`/api/v1/stats?symbols=${'x'.repeat(129)}`);
  assert.equal(bad.status, 200);
  assert.deepEqual(bad.json.stats, []);
  const head = await server.http('/api/v1/candles?symbol=A', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body], [200, '']);
});

test('memory is bounded by the option, and metrics tell', async (t) => {
  const items = [];
  for (let second = 0; second < 300; second++) {
    for (let i = 0; i < 60; i++) items.push(trade(`S${i}`, at(second)));
  }
  const server = await played(t, items, ['--candle-bytes', '1M']);
  const candles = await candlesOf(server, 'symbol=S59&interval=1s'); // by then all has been kept
  const { body } = await server.http('/metrics');
  const metric = (name) => Number(new RegExp(`^pricecast_${name} (\\S+)$`, 'm').exec(body)[1]);
  assert.equal(metric('candle_symbols'), 60);
  assert.ok(metric('candle_bytes') <= 1 << 20);
  assert.ok(metric('candle_shortened_total') > 0);
  assert.ok(candles.length >= 60 && candles.length < 300, String(candles.length));
  assert.equal(candles.at(-1)[0], at(299));
});
