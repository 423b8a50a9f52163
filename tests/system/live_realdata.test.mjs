// Real exchanges' messages, as somebody recorded them, said by a server on this machine: the
// subscriptions it gets, and that every trade and quote reaches a client digit for digit. What must
// come is worked out here by other means than the program's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { feedStatus, Upstream } from '../support/live.mjs';
import { checkSequence, itemsOf, sourceDir, startServer } from '../support/server.mjs';

const folder = process.env.PRICECAST_REALDATA ?? join(sourceDir, '..', 'shared', 'data');
const files = {
  coinbase: 'coinbase-exchange-10sym-20210417.part1.cryptofeed-v1.txt.gz',
  advanced: 'coinbase-advanced-btc-eth-20260809.part1.cryptofeed-v2.jsonl.zst',
  krakenTrades: 'kraken-v1-trades-10sym-20210417.cryptofeed-v1.txt',
  krakenTicker: 'kraken-v1-ticker-10sym-20210417.cryptofeed-v1.txt',
  bitstamp: 'bitstamp-10sym-20220105.cryptofeed-v1.txt',
  bybit: 'bybit-20260809.cryptofeed-v2.jsonl.zst',
  binance: 'binance-spot-4sym-20211012.cryptofeed-v1.txt',
};
const missing = Object.values(files).filter((name) => !existsSync(join(folder, name)));
if (missing.length > 0) {
  console.log(`skipped: not here: ${missing.join(', ')}`);
  process.exit(0);
}

function textOf(name) {
  const path = join(folder, name);
  if (name.endsWith('.gz')) return String(gunzipSync(readFileSync(path)));
  if (!name.endsWith('.zst')) return readFileSync(path, 'utf8');
  return execFileSync('zstd', ['-dc', path], { maxBuffer: 1 << 28, encoding: 'utf8' });
}

/** The messages that were received, in order. */
function framesOf(name) {
  const lines = textOf(name).split('\n').filter((line) => line !== '');
  if (name.includes('cryptofeed-v2'))
    return lines.map((line) => JSON.parse(line)).filter(({ t }) => t === 'recv')
      .map(({ data }) => data);
  return lines.map((line) => /^[0-9.]+: (.*)$/.exec(line)).filter((found) => found)
    .map(([, frame]) => frame);
}

// ---- what the messages mean ----

/** Microseconds of an ISO time or of decimal seconds, by their text. */
function isoUs(text) {
  const [, seconds, fraction = ''] = /^(.*?:\d\d)(?:\.(\d+))?Z$/.exec(text);
  return Date.parse(`${seconds}Z`) * 1000 + Number(`${fraction}000000`.slice(0, 6));
}
function secondsUs(text) {
  const [seconds, fraction = ''] = text.split('.');
  return Number(seconds) * 1e6 + Number(`${fraction}000000`.slice(0, 6));
}
const opposite = { buy: 'sell', sell: 'buy' };
const tradeItem = (symbol, ts, price, size, side) => ({ kind: 'trade', symbol, ts, price, size, side });
const quoteItem = (symbol, bid, ask) => ({ kind: 'quote', symbol, bid, ask });

const meanings = {
  coinbase(message) {
    const { type, product_id: symbol, time, price, size, side } = message;
    if (type === 'match') return [tradeItem(symbol, isoUs(time), price, size, opposite[side])];
    if (type === 'ticker') return [quoteItem(symbol, message.best_bid, message.best_ask)];
    return [];
  },
  advanced({ channel, events = [] }) {
    if (channel === 'market_trades')
      return events.filter(({ type }) => type === 'update').flatMap(({ trades }) =>
        trades.map((trade) => tradeItem(trade.product_id, isoUs(trade.time), trade.price,
          trade.size, opposite[trade.side.toLowerCase()])));
    return [];
  },
  kraken(message) {
    if (!Array.isArray(message)) return [];
    const [, data, channel, symbol] = message;
    if (channel === 'trade')
      return data.map(([price, size, time, side]) =>
        tradeItem(symbol, secondsUs(time), price, size, side === 'b' ? 'buy' : 'sell'));
    if (channel === 'ticker') return [quoteItem(symbol, data.b[0], data.a[0])];
    return [];
  },
  bitstamp({ event, channel, data }) {
    if (event !== 'trade') return [];
    return [tradeItem(channel.replace('live_trades_', ''), Number(data.microtimestamp),
      data.price_str, data.amount_str, data.type === 0 ? 'buy' : 'sell')];
  },
  bybit({ topic = '', data }) {
    if (!topic.startsWith('publicTrade.')) return [];
    return data.map(({ s, T, p, v, S }) => tradeItem(s, T * 1000, p, v, S.toLowerCase()));
  },
  binance({ stream = '', data }) {
    if (stream.endsWith('@aggTrade') || stream.endsWith('@trade'))
      return [tradeItem(data.s, data.T * 1000, data.p, data.q, data.m ? 'sell' : 'buy')];
    if (stream.endsWith('@bookTicker')) return [quoteItem(data.s, data.b, data.a)];
    return [];
  },
};

const reduced = (item) =>
  item.kind === 'trade'
    ? tradeItem(item.symbol, item.ts, item.price, item.size, item.side)
    : quoteItem(item.symbol, item.bid, item.ask);

// ---- playing them ----

const isDown = ({ type, state }) => type === 'feed' && state === 'down';

/** Says all frames to a server that asks as `format`; returns what it asked for and the items. */
async function play(t, { format, symbols, asks, frames }) {
  const upstream = await Upstream.start(t);
  const query = `format=${format}&symbols=${encodeURIComponent(symbols)}`;
  const server = await startServer(t, [
    '--feed', `${upstream.url}?${query}`, '--max-queue-bytes', String(1 << 28), '--shards', '1',
  ]);
  const client = await server.client('?symbols=*&mode=every');
  const connection = await upstream.connection();
  const asked = [];
  for (let i = 0; i < asks; i++) asked.push(await connection.said());
  for (const frame of frames) connection.send(frame);
  await feedStatus(server, ({ lines }) => lines === frames.length);
  connection.drop();
  const read = await client.until(isDown);
  const items = itemsOf(read, 'update');
  checkSequence(items);
  const status = await feedStatus(server);
  assert.equal(status.bad, 0, 'no message is bad');
  assert.equal(status.events, items.length);
  return { asked, url: connection.url, items };
}

/** All trades, and quotes where their mapping has no state, are as expected, in order. */
function checkItems(items, frames, meaning, { quotes = true } = {}) {
  const wanted = frames.flatMap((frame) => meaning(JSON.parse(frame)));
  const got = items.map(reduced);
  const keep = ({ kind }) => quotes || kind === 'trade';
  assert.deepEqual(got.filter(keep), wanted.filter(keep));
  assert.ok(wanted.length > 0);
}

test('Coinbase Exchange', async (t) => {
  const frames = framesOf(files.coinbase);
  const { asked, items } = await play(t, {
    format: 'coinbase', symbols: 'SKL-USD,SKL-BTC', asks: 1, frames,
  });
  assert.equal(asked[0].type, 'subscribe');
  assert.deepEqual(asked[0].product_ids, ['SKL-USD', 'SKL-BTC']);
  for (const channel of ['matches', 'ticker']) assert.ok(asked[0].channels.includes(channel));
  checkItems(items, frames, meanings.coinbase);
});

test('Coinbase Advanced, one message of which has several megabytes', async (t) => {
  const frames = framesOf(files.advanced);
  assert.ok(Math.max(...frames.map(({ length }) => length)) > 5e6);
  const { asked, items } = await play(t, {
    format: 'coinbase-advanced', symbols: 'BTC-USD,ETH-USD', asks: 3, frames,
  });
  const channels = asked.map(({ channel }) => channel);
  for (const channel of ['market_trades', 'ticker']) assert.ok(channels.includes(channel));
  for (const { product_ids: ids } of asked) assert.deepEqual(ids, ['BTC-USD', 'ETH-USD']);
  checkItems(items, frames, meanings.advanced, { quotes: false });
  assert.ok(items.some(({ kind }) => kind === 'quote'));
});

test('Kraken, whose first message has an integer above 64 bits', async (t) => {
  const frames = [...framesOf(files.krakenTrades), ...framesOf(files.krakenTicker)];
  const { asked, items } = await play(t, {
    format: 'kraken', symbols: 'XBT/CHF,ADA/XBT', asks: 2, frames,
  });
  assert.deepEqual(asked.map(({ subscription }) => subscription.name).sort(), ['ticker', 'trade']);
  for (const { pair } of asked) assert.deepEqual(pair, ['XBT/CHF', 'ADA/XBT']);
  checkItems(items, frames, meanings.kraken);
});

test('Bitstamp', async (t) => {
  const frames = framesOf(files.bitstamp);
  const { asked, items } = await play(t, {
    format: 'bitstamp', symbols: 'ethusd,sgbeur', asks: 2, frames,
  });
  assert.deepEqual(asked.map(({ data }) => data.channel),
    ['live_trades_ethusd', 'live_trades_sgbeur']);
  checkItems(items, frames, meanings.bitstamp);
});

test('Bybit', async (t) => {
  const frames = framesOf(files.bybit);
  const { asked, items } = await play(t, {
    format: 'bybit', symbols: 'BTCUSDT,ETHUSDT', asks: 2, frames,
  });
  assert.deepEqual(asked.flatMap(({ args }) => args).sort(),
    ['publicTrade.BTCUSDT', 'publicTrade.ETHUSDT', 'tickers.BTCUSDT', 'tickers.ETHUSDT']);
  checkItems(items, frames, meanings.bybit, { quotes: false });
  assert.ok(items.some(({ kind }) => kind === 'quote'));
});

test('Binance, which is asked by the path', async (t) => {
  const frames = framesOf(files.binance);
  const { url, items } = await play(t, {
    format: 'binance', symbols: 'NKNUSDT,BLZETH', asks: 0, frames,
  });
  assert.match(url, /^\/stream\?streams=/);
  for (const stream of ['nknusdt@bookTicker', 'blzeth@bookTicker', 'nknusdt@'])
    assert.ok(url.includes(stream), `${url} names ${stream}`);
  checkItems(items, frames, meanings.binance);
});
