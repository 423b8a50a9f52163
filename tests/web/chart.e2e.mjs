/**
 * The symbol that is open, in a real browser: bars that are exact and complete, gaps that show, and
 * everything around the chart, by pointer, by keyboard and on a phone. See support/browser.js.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DESKTOP, openSite, PHONE, picture, SHOTS, SMALLEST, waitForState } from './support/browser.js';

const site = openSite();
const S = 1_000_000;
const NOW = Math.floor(Date.now() / 60_000) * 60 * S; // whole minutes, so that bars are where they are thought to be
const FIRST = NOW - 60 * 60 * S;

const trade = (seq, us, price, size, more) => ({ kind: 'trade', symbol: 'A', source: 'x', seq, ts: us - 1500, recv: us, price, size, ...more });
const quote = (seq, us, bid, ask, more) => ({ kind: 'quote', symbol: 'A', source: 'x', seq, ts: us - 700, recv: us, bid, bid_size: '300', ask, ask_size: '100', ...more });

/** So many minutes up to now, like a market, from a generator that is always the same. */
function walk(count, { from = NOW - (count - 1) * 60 * S, step = 60 * S, price = 18_742 } = {}) {
  let state = 7;
  const random = () => { state = (state * 1103515245 + 12345) % 2147483648; return state / 2147483648 - 0.5; };
  const text = (cents) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  return Array.from({ length: count }, (_, at) => {
    const open = price;
    price = Math.max(100, Math.round(price + random() * 40));
    const [high, low] = [Math.max(open, price) + Math.round(Math.abs(random()) * 16), Math.min(open, price) - Math.round(Math.abs(random()) * 16)];
    return [from + at * step, text(open), text(high), text(low), text(price), `${Math.round(100 + Math.abs(random()) * 900)}`];
  });
}

/** The same, of a currency, which is only quoted. */
const rates = (count) => walk(count, { price: 13_866 })
  .map(([time, ...texts]) => [time, ...texts.slice(0, 4).map((text) => `1.${text.replace('.', '').slice(1)}`), '0']);

const answerOf = (candles, seen = [], kind = 'trade') => ({ symbol: 'A', interval: '1m', kind, seen, candles });
const stats = () => ({ stats: [{ symbol: 'A', kind: 'trade', from: NOW - 86_400 * S, open: '186.20', high: '188.90', low: '185.11', last: '187.43', volume: '1204331', change: '1.23', change_pct: 0.66 }] });
const market = ({ greet, say }) => {
  greet();
  say({ type: 'heartbeat', ts: Date.now() * 1000 });
  say({ type: 'snapshot', data: [trade(10, NOW + S, '187.42', '40'), quote(20, NOW + S, '187.42', '187.43')] });
  say({ type: 'update', data: [trade(11, NOW + 2 * S, '187.43', '25', { side: 'buy' }), quote(21, NOW + 2 * S, '187.42', '187.44')] });
};

const chartState = (page) => page.$eval('.chartHost', (host) => host.priceChart.state);
const waitForBars = (page, count) => page.waitForFunction((least) => document.querySelector('.chartHost')?.priceChart?.state.bars >= least, count);
const legend = (page, name) => page.textContent(`.legend [data-cell="${name}"]`);
const waitForLegend = (page, name, text) => page.waitForFunction(([cell, wanted]) => (
  document.querySelector(`.legend [data-cell="${cell}"]`)?.textContent === wanted), [name, text]);
const waitForBand = (page, label) => page.waitForFunction((wanted) => (
  document.querySelector('.chartHost')?.priceChart?.state.bands.some(({ label: is }) => is === wanted)), label);

async function save(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

const saveAs = (page, item) => save(page, async () => {
  await page.click('.menu > button');
  await page.click(`.menuList button:has-text("${item}")`);
});

test('a symbol opens by click, its bars are the server\'s, exactly', async () => {
  const { page, close } = await site.open();
  await page.click('#rows .row:not([hidden]) .symbol >> nth=0');
  await waitForBars(page, 4); // seconds
  const symbol = await page.textContent('.detailName h2');
  await page.waitForFunction((name) => location.hash.startsWith(`#/m/${name}`), symbol);
  assert.equal(await page.$eval('.chartNote a', ({ href }) => href), 'https://www.tradingview.com/');
  assert.match(await page.textContent('.chartNote'), /Charts by TradingView Lightweight Charts/);
  await page.keyboard.press('1');
  await page.waitForSelector('[aria-pressed="true"]:text-is("1s")');
  await waitForBars(page, 4);
  const { name, bytes } = await saveAs(page, 'CSV');
  assert.equal(name, `pricecast-${symbol}-1s.csv`);
  const shown = String(bytes).trim().split('\r\n').slice(1, -1); // the last one goes on
  const { candles } = await (await fetch(`${site.server.url}api/v1/candles?symbol=${symbol}&interval=1s`)).json();
  const known = new Map(candles.map(([time, ...values]) => [new Date(time / 1000).toISOString().replace('Z', '000Z'), values.join()]));
  assert.ok(shown.length >= 3);
  for (const line of shown) assert.equal(known.get(line.slice(0, 27)), line.slice(28), line);
  await close();
});

test('updates continue the bars, nothing twice, every digit kept', async () => {
  const long = '1234567890123456789012345.678901234567890';
  const answers = { candles: () => answerOf([[NOW - 60 * S, '10.10', '10.20', '10.00', '10.15', '7'], [NOW, '10.15', '10.30', '10.15', '10.25', '2.5']], [['x', 'trade', 11]]), stats };
  const { page, socket, close } = await site.open({ script: market, answers, path: '#/m/A?i=1m' });
  await waitForBars(page, 2);
  assert.equal(await legend(page, 'volume'), '2.5');
  socket.say({ type: 'update', data: [trade(12, NOW + 4 * S, '10.40', '0.125')] });
  await waitForLegend(page, 'volume', '2.625');
  assert.deepEqual([await legend(page, 'open'), await legend(page, 'high'), await legend(page, 'close')], ['10.15', '10.40', '10.40']);
  socket.say({ type: 'update', data: [trade(13, NOW + 61 * S, long, '1')] });
  await waitForLegend(page, 'close', '1,234,567,890,123,456,789,012,345.67890123456789');
  assert.equal((await chartState(page)).bars, 3);
  await close();
});

test('what was passed over is asked for again', async () => {
  let volume = '5';
  const answers = { candles: () => answerOf([[NOW, '10', '11', '9', '10', volume]], [['x', 'trade', volume === '5' ? 11 : 20]]) };
  const { page, socket, close } = await site.open({ script: market, answers, path: '#/m/A?i=1m' });
  await waitForLegend(page, 'volume', '5');
  volume = '77';
  socket.say({ type: 'update', data: [trade(20, NOW + 4 * S, '10.5', '1', { skipped: 8 })] });
  await waitForLegend(page, 'volume', '77');
  await close();
});

test('the keyboard does all of it', async () => {
  const answers = { candles: ({ interval }) => answerOf(interval === '1m' ? walk(300) : walk(30)), stats };
  const { page, close } = await site.open({ script: market, answers });
  await page.waitForSelector('#rows .row:not([hidden])');
  await page.focus('#grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.instrument');
  await page.keyboard.press('5');
  await page.waitForFunction(() => location.hash.includes('i=5m'));
  await page.keyboard.press('4');
  await waitForBars(page, 300);
  await page.focus('.chartHost');
  await page.waitForFunction(() => /^A, \d+ bars of 1 minute, from .* UTC\. Last .* Highest .* lowest .* Volume /
    .test(document.getElementById('chartSummary').textContent));
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => /^\d{4}-\d\d-\d\d \d\d:\d\d$/.test(document.querySelector('.legend [data-cell="time"]').textContent));
  const time = await legend(page, 'time');
  assert.equal(time, new Date(NOW / 1000 - 60_000).toISOString().slice(0, 16).replace('T', ' '));
  await page.waitForFunction((said) => document.getElementById('spoken').textContent.startsWith(said), time);
  await page.keyboard.press('Home'); // the oldest: from here on one has to be led back
  await page.waitForSelector('.toNow');
  await page.keyboard.press('Escape');
  await waitForLegend(page, 'time', '');
  assert.ok(await page.$('.instrument'), 'the first Escape leaves the crosshair only');
  await page.keyboard.press('f');
  await page.waitForSelector('.toNow', { state: 'detached' });
  await page.keyboard.press('q');
  await page.waitForFunction(() => /^A last 187\.43, up 0\.66\s% ?, bid 187\.42, ask 187\.44, spread 0\.02$/.test(document.getElementById('spoken').textContent));
  await page.keyboard.press('Escape');
  await page.waitForSelector('.instrument', { state: 'detached' });
  await page.waitForFunction(() => document.activeElement.id === 'grid');
  await close();
});

test('the URL carries interval and range, and survives a reload', async () => {
  const asked = [];
  const sparkline = '60'; // the list asks for so many, of seconds
  const answers = { candles: ({ interval, limit }) => { if (limit !== sparkline) asked.push(interval); return answerOf(walk(60)); } };
  const { page, close } = await site.open({ script: market, answers, path: '#/m/A?i=15m' });
  await waitForBars(page, 60);
  await page.click('.ranges button:text-is("1d")');
  await page.waitForFunction(() => location.hash.includes('r=1d') && location.hash.includes('i=5m'));
  await page.reload();
  await waitForBars(page, 60);
  await page.waitForSelector('.ranges [aria-pressed="true"]:text-is("1d")');
  assert.deepEqual([...new Set(asked)].filter((interval) => interval !== '1s'), ['15m', '5m']); // the list's sparklines ask for 1s
  await close();
});

test('panning to the left brings older pages, until there is nothing before', async () => {
  const all = walk(2010);
  const answers = { candles: ({ before = NOW + S, limit }) => answerOf(all.filter(([time]) => time < Number(before)).slice(-limit), [['x', 'trade', 11]]) };
  const { page, close } = await site.open({ script: market, answers, path: '#/m/A?i=1m' });
  await waitForBars(page, 1000);
  await page.focus('.chartHost');
  await page.keyboard.press('Home');
  await waitForBars(page, 2000);
  await page.keyboard.press('Home');
  await waitForBars(page, 2010);
  assert.equal((await chartState(page)).bars, 2010);
  await close();
});

test('gaps are drawn: quiet hours, a source that was down, a connection that is away', async () => {
  const bars = [...walk(60, { from: NOW - 700 * 60 * S }), ...walk(60)];
  const { page, socket, close } = await site.open({ script: market, answers: { candles: () => answerOf(bars, [['x', 'trade', 11]]), stats }, path: '#/m/A?i=1m' });
  await waitForBand(page, 'no prices for 10 h');
  assert.equal((await chartState(page)).folds, 1);
  socket.say({ type: 'update', data: [trade(12, NOW + 5 * S, '187.50', '1')] });
  await waitForLegend(page, 'close', '187.50');
  socket.say({ type: 'feed', source: 'x', state: 'down', ts: NOW + 10 * S });
  await waitForBand(page, 'source down');
  await picture(page, 'chart-source-down');
  socket.say({ type: 'shutdown', reconnect_in_ms: 600_000 });
  socket.end(1012);
  await waitForState(page, 'reconnecting');
  await waitForBand(page, 'reconnecting');
  // Only what is not known is hatched: the edge begins right of the last bar.
  await page.waitForFunction(() => {
    const { pixels } = document.querySelector('.chartHost').priceChart.state;
    const edge = pixels.at(-1);
    return edge && edge[0] > 250 && edge[1] > edge[0];
  });
  await picture(page, 'chart-reconnecting');
  await close();
});

test('a reset begins anew, and what stood before a seek is in no bar', async () => {
  let bars = walk(50);
  let asked = 0;
  const answers = { candles: () => { asked++; return answerOf(bars, [['x', 'trade', 1]]); } };
  const script = (it) => { it.greet({ mode: 'replay' }); it.say({ type: 'snapshot', data: [trade(10, NOW, '187.42', '40')] }); };
  const { page, socket, close } = await site.open({ script, answers, path: '#/m/A?i=1m', allow: /replay|404/ });
  await waitForBars(page, 50);
  bars = [];
  const before = asked;
  socket.say({ type: 'reset', epoch: 'e2', reason: 'seek' });
  socket.say({ type: 'snapshot', data: [trade(1, FIRST - S, '50', '1')] });
  await page.waitForSelector('.chartStatus >> text=No bars yet');
  assert.ok(asked > before);
  socket.say({ type: 'update', data: [trade(2, FIRST, '51.5', '3')] });
  await waitForLegend(page, 'open', '51.5');
  assert.deepEqual([(await chartState(page)).bars, await legend(page, 'volume')], [1, '3']);
  await close();
});

test('without a connection no chart says that nothing has happened yet', async () => {
  let greets = false;
  const script = (it) => { if (greets) market(it); };
  const { page, socket, close } = await site.open({ script, path: '#/m/NEW?i=1m' });
  await page.waitForSelector('.chartStatus >> text=Waiting for the connection');
  await page.waitForSelector('.trades >> text=Waiting for the connection');
  greets = true;
  market(socket);
  await page.waitForSelector('.chartStatus >> text=No bars yet');
  await page.waitForSelector('.trades >> text=No trades yet');
  socket.say({ type: 'shutdown', reconnect_in_ms: 600_000 });
  socket.end(1012);
  await waitForState(page, 'reconnecting');
  await page.waitForSelector('.chartStatus >> text=Waiting for the connection');
  await picture(page, 'chart-waiting');
  await close();
});

test('pictures and tables can be saved, and the table is read without seeing', async () => {
  const answers = { candles: () => answerOf(walk(40)), stats };
  const { page, close } = await site.open({ script: market, answers, path: '#/m/A?i=1m' });
  await waitForBars(page, 40);
  const { name, bytes } = await saveAs(page, 'PNG');
  assert.equal(name, 'pricecast-A-1m.png');
  assert.deepEqual([...bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  assert.ok(bytes.length > 5000);
  await page.click('[aria-label="Table of bars"]');
  await page.waitForSelector('.barsTable tbody tr:nth-child(40)');
  assert.match(await page.textContent('.barsTable caption'), /^4\d bars of 1 minute, UTC$/);
  assert.match(await page.textContent('.barsTable tbody tr:last-child'), /^\d{4}-\d\d-\d\d \d\d:\d\d187\.42/);
  await picture(page, 'chart-table');
  await close();
});

test('a refusal is said, and asking again works', async () => {
  let fails = true;
  let asked = 0;
  const answers = { candles: () => (++asked && fails ? { status: 500, error: { code: 'internal', message: 'out of memory' } } : answerOf(walk(20))) };
  const { page, close } = await site.open({ script: market, answers, path: '#/m/A?i=1m', allow: /500|candles/ });
  await page.waitForSelector('.chartStatus >> text=out of memory');
  await picture(page, 'chart-error');
  const before = asked;
  await page.click('.chartStatus button');
  while (asked === before) await page.evaluate(() => new Promise(requestAnimationFrame));
  fails = false;
  await waitForBars(page, 20); // and by itself
  await page.waitForSelector('.chartStatus', { state: 'detached' });
  await close();
});

test('without trades there are bars of the middle, and no volume', async () => {
  const answers = { candles: () => answerOf(rates(40), [['x', 'quote', 1]], 'quote') };
  const script = (it) => { it.greet(); it.say({ type: 'snapshot', data: [quote(1, NOW, '1.3866', '1.3867')] }); };
  const { page, socket, close } = await site.open({ script, answers, path: '#/m/A?i=1m' });
  await waitForBars(page, 40);
  await waitForLegend(page, 'note', 'mid of quotes');
  socket.say({ type: 'update', data: [quote(2, NOW + S, '1.3866', '1.3868')] });
  await waitForLegend(page, 'close', '1.3867');
  await page.waitForSelector('.hero >> text=mid of bid and ask');
  await page.waitForSelector('.trades >> text=No trades yet');
  await picture(page, 'chart-quotes');
  await close();
});

test('of several sources one is chosen', async () => {
  const script = (it) => {
    it.greet();
    it.say({ type: 'snapshot', data: ['north', 'south'].flatMap((source, at) => [trade(1, NOW, `10${at}.5`, '1', { source }), quote(1, NOW, `10${at}.4`, `10${at}.6`, { source })]) });
  };
  const { page, close } = await site.open({ script, answers: { candles: () => answerOf(walk(40)) }, path: '#/m/A?i=1m' });
  await page.waitForSelector('.sources [aria-pressed="true"]:has-text("north")');
  await page.waitForFunction(() => document.querySelector('.heroPrice').textContent === '100.5');
  await page.click('.sources button:has-text("south")');
  await page.waitForFunction(() => document.querySelector('.heroPrice').textContent === '101.5' && location.hash.includes('A~south'));
  await waitForBars(page, 40);
  await page.waitForFunction(() => document.querySelector('.legend [data-cell="note"]').textContent === '2 sources together');
  await close();
});

test('on a phone it is a sheet that goes back, and on to the next', async () => {
  const script = (it) => {
    it.greet();
    it.say({ type: 'snapshot', data: ['A', 'B', 'C'].map((symbol) => trade(1, NOW, '10.5', '1', { symbol })) });
  };
  const { page, close } = await site.open({ viewport: PHONE, hasTouch: true, isMobile: true, script, answers: { candles: () => answerOf(walk(40)), stats } });
  await page.tap('#rows .row:not([hidden]) .symbol >> nth=0');
  await page.waitForSelector('.instrument');
  await waitForBars(page, 40);
  const small = await page.$$eval('.instrument :is(button, [tabindex="0"])', (elements) => elements
    .filter((element) => element.offsetParent !== null && (element.offsetWidth < 44 || element.offsetHeight < 44))
    .map((element) => [element.className, element.textContent, element.offsetWidth, element.offsetHeight]));
  assert.deepEqual(small, []);
  await page.tap('[aria-label="Next symbol"]');
  await page.waitForFunction(() => document.querySelector('.detailName h2').textContent === 'B');
  await page.tap('[aria-label="Back to the list"]');
  await page.waitForSelector('.instrument', { state: 'detached' });
  await close();
});

// ---- pictures of every state ----

const HOSTILE = '<img src=x onerror=document.title="owned">';
const PICTURES = {
  live: { script: market, answers: { candles: () => answerOf(walk(300), [['x', 'trade', 11]]), stats }, bars: 300 },
  loading: { script: market, answers: { candles: () => new Promise(() => {}), stats }, wait: '.chartStatus.loading' },
  empty: { script: market, answers: {}, path: '#/m/NEW', wait: '.chartStatus >> text=No bars yet' },
  hostile: {
    script: ({ greet, say }) => {
      greet();
      const more = { symbol: HOSTILE, source: '\u202Eecruos' };
      say({ type: 'snapshot', data: [trade(1, NOW, '1234567890123456789012345.678901234567890', '0.000000000000000000001', more), quote(1, NOW, '-1.5', '1234567890123456789012345.7', more)] });
    },
    answers: { candles: () => answerOf(walk(90).map(([time, ...texts]) => [time, ...texts.slice(0, 4).map((text) => `${text.replace('.', '')}00000000000000000000.5`), null])) },
    path: `#/m/${encodeURIComponent(HOSTILE)}`,
    bars: 90,
  },
  folded: { script: market, answers: { candles: () => answerOf([...walk(60, { from: NOW - 900 * 60 * S }), ...walk(20, { from: NOW - 70 * 60 * S }), ...walk(40)], [['x', 'trade', 11]]), stats }, bars: 120 },
};

for (const [name, { script, answers, path = '#/m/A', bars, wait }] of Object.entries(PICTURES)) {
  test(`the symbol panel "${name}" stands on desktop and phone, dark and light`, async () => {
    for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
      const { page, close } = await site.open({ viewport, script, answers, path: `${path}?i=1m` });
      if (bars) await waitForBars(page, bars);
      if (wait) await page.waitForSelector(wait);
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
        await page.screenshot({ path: `${SHOTS}/symbol-${name}-${device}-${colorScheme}.png` });
      }
      await page.setViewportSize(device === 'phone' ? SMALLEST : { width: 1024, height: 700 });
      const { content, window_ } = await page.evaluate(() => {
        const panel = document.querySelector('.instrument');
        return { content: Math.max(document.documentElement.scrollWidth, innerWidth + panel.scrollWidth - panel.clientWidth), window_: innerWidth };
      });
      assert.ok(content <= window_, `${content} px of content in ${window_}`);
      assert.notEqual(await page.title(), 'owned');
      await close();
    }
  });
}
