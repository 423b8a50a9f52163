/** What the page says must be so, in every corner of it at once: no old price that looks like one of now. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSite, waitForState, waitForText } from './support/browser.js';

const site = openSite({ args: ['--feed', 'sim:?symbols=4&rate=400&seed=1'] });
const SEEN = { seenIntro: true };
const trade = (symbol, seq, price, more) => ({ kind: 'trade', symbol, source: 'x', seq, price, ...more });
const quote = (symbol, seq, bid, ask, more) => ({ kind: 'quote', symbol, source: 'x', seq, bid, ask, ...more });
const market = ({ greet, say }, hello) => {
  greet(hello);
  say({ type: 'snapshot', data: [trade('AAA', 1, '100.5'), quote('AAA', 1, '100.4', '100.6'), trade('BBB', 1, '7.25'), quote('BBB', 1, '7.24', '7.26')] });
};

const AWAY = {
  stalled: (server) => market(server, { heartbeat_ms: 3000 }),
  reconnecting: (server) => { market(server); server.say({ type: 'shutdown', reconnect_in_ms: 600_000 }); server.end(1001); },
  closed: (server) => { market(server); server.end(4401, 'the token has expired'); },
};

for (const [state, script] of Object.entries(AWAY)) {
  for (const mode of ['live', 'replay']) {
    test(`${state}, of a ${mode} server: no corner of the page says that it is live or goes on`, async () => {
      const { page, close } = await site.open({ settings: SEEN, script: (server) => script({ ...server, greet: (more) => server.greet({ mode, ...more }) }) });
      await waitForState(page, state);
      const word = { stalled: 'Stalled', reconnecting: 'Reconnecting', closed: 'Disconnected' }[state];
      await page.waitForFunction((wanted) => document.querySelector('.edge .lost')?.textContent === wanted, word);
      await waitForText(page, 'pill', word);
      assert.doesNotMatch(await page.textContent('.timeline'), /Live|Replay \d/);
      await page.waitForFunction(() => /last known|Stalled/i.test(document.getElementById('scrubber').getAttribute('aria-valuetext')));
      await close();
    });
  }
}

test('a symbol that is opened when the connection is away has the price of the list, as the last known', async () => {
  const { page, socket, close } = await site.open({ script: market, settings: SEEN });
  await waitForText(page, 'count', '2 symbols');
  await page.click('#rows .row:not([hidden])[aria-rowindex="2"] .symbol');
  await page.waitForFunction(() => document.querySelector('.heroPrice')?.textContent === '100.5');
  socket.say({ type: 'shutdown', reconnect_in_ms: 600_000 });
  socket.end(1001);
  await waitForState(page, 'reconnecting');
  await page.click('#rows .row:not([hidden])[aria-rowindex="3"] .symbol');
  await page.waitForFunction(() => document.querySelector('.detailName h2')?.textContent === 'BBB' && document.querySelector('.heroPrice').textContent === '7.25');
  await page.waitForFunction(() => document.querySelector('.quotePrice[data-price="bid"]').textContent === '7.24');
  await page.waitForSelector('.detailHead[data-row="waiting"]');
  assert.equal(await page.textContent('.heroState'), 'last known');
  await close();
});

test('list, symbol and chart say the same price in every frame', async () => {
  const { page, close } = await site.open({ settings: SEEN, path: '#/m?i=1s' });
  await waitForText(page, 'count', '4 symbols');
  await page.waitForFunction(() => document.querySelector('.chartHost')?.priceChart?.state.bars >= 2);
  const { frames, changes, others } = await page.evaluate(async () => {
    const exact = (text) => text.replaceAll(',', '').replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
    const read = () => [
      document.querySelector('#rows .row[aria-selected="true"] .last').textContent, document.querySelector('.heroPrice').textContent,
      document.querySelector('.legend [data-cell="close"]').textContent, document.querySelector('.chartHost').priceChart.state.last].map(exact);
    const seen = { frames: 0, changes: 0, others: [] };
    const { port1, port2 } = new MessageChannel();
    // After all drawing of a frame: texts and canvas are written in frames only.
    const afterFrame = () => new Promise((done) => { port1.onmessage = done; requestAnimationFrame(() => port2.postMessage(0)); });
    let last = '';
    while (seen.changes < 30) {
      await afterFrame();
      const prices = read();
      seen.frames++;
      seen.changes += prices[0] !== last;
      [last] = prices;
      if (new Set(prices).size > 1) seen.others.push(prices.join(' '));
    }
    return seen;
  });
  assert.deepEqual(others, [], `of ${frames} frames with ${changes} prices`);
  await close();
});

test('a change in the ninth digit can be read in the list', async () => {
  const script = ({ greet, say }) => {
    greet();
    say({ type: 'snapshot', data: [trade('SHIB', 1, '0.0000139200'), trade('AAA', 1, '100.5')] });
    say({ type: 'update', data: [trade('SHIB', 2, '0.0000139321')] });
  };
  const { page, close } = await site.open({ script, settings: { ...SEEN, detail: false } });
  await waitForText(page, 'count', '2 symbols');
  await page.waitForFunction(() => document.querySelector('#rows .row:not([hidden])[aria-rowindex="3"] .change')?.textContent === '+0.0₇121');
  const { title, isCut } = await page.$eval('#rows .row:not([hidden])[aria-rowindex="3"] .change', (cell) => (
    { title: cell.title, isCut: cell.firstElementChild.scrollWidth > cell.firstElementChild.clientWidth }));
  assert.deepEqual({ title, isCut }, { title: '+0.0000000121', isCut: false });
  await close();
});

test('a gap is told with its times, and leads to where it is in the chart', async () => {
  const spans = { '1s': 1, '1m': 60 };
  const answers = { candles: ({ interval, before = Date.now() * 1000 }) => {
    const span = (spans[interval] ?? 1) * 1_000_000;
    const last = Math.floor(Number(before) / span) - 1;
    return { symbol: 'AAA', interval, kind: 'trade', seen: [], candles: Array.from({ length: 300 }, (_, at) => [(last - 299 + at) * span, '100', '101', '99', '100.5', '3']) };
  } };
  let dials = 0;
  const script = (server) => {
    dials++;
    if (dials === 1) return market(server);
    server.greet();
    return server.say({ type: 'snapshot', data: [trade('AAA', 50, '100.5'), quote('AAA', 1, '100.4', '100.6'), trade('BBB', 1, '7.25')] });
  };
  const { page, socket, close } = await site.open({ script, answers, settings: SEEN, path: '#/m/AAA?i=1m' });
  await page.waitForFunction(() => document.querySelector('.chartHost')?.priceChart?.state.bars >= 300);
  socket.say({ type: 'shutdown', reconnect_in_ms: 1500 });
  socket.end(1012);
  await page.waitForSelector('.toast.warn:has-text("48 updates lost")');
  assert.match(await page.textContent('.toast.warn'), /Gap (at \d\d:\d\d:\d\d|\d\d:\d\d:\d\d\u2013\d\d:\d\d:\d\d): 48 updates lost, 0 recovered/);
  await page.click('.toast.warn button:has-text("Show")');
  await page.waitForFunction(() => {
    const state = document.querySelector('.chartHost')?.priceChart?.state;
    const band = state?.bands.find(({ label }) => label === 'missed here');
    return location.hash.includes('i=1s') && band && band.from > state.range.from && band.to < state.range.to && state.range.to - state.range.from < 100;
  });
  await close();
});

test('a screen that went back shows no figure of the day that is of later', async () => {
  const from = (Date.now() - 3_600_000) * 1000;
  const answers = { stats: () => ({ stats: [{ symbol: 'AAA', kind: 'trade', from, open: '100', high: '101', low: '99', last: '100.5', volume: '1234' }] }) };
  const { page, close } = await site.open({ script: market, answers, settings: { ...SEEN, detail: false } });
  const volume = '#rows .row:not([hidden])[aria-rowindex="2"] .volume';
  const waitForVolume = (text) => page.waitForFunction(([selector, wanted]) => document.querySelector(selector)?.textContent === wanted, [volume, text]);
  await waitForVolume('1.23\u2009k');
  await page.waitForFunction(() => performance.now() > 3000); // there is a past to go to
  await page.focus('#scrubber');
  await page.keyboard.press('Home');
  await page.waitForSelector('html[data-mode="shifted"]', { state: 'attached' });
  await waitForVolume('—');
  assert.match(await page.getAttribute(volume, 'title'), /later moment/);
  assert.equal(await page.textContent('#rows .row:not([hidden])[aria-rowindex="2"] .change'), '+0.5', 'counts from a price that was before');
  await page.keyboard.press('End');
  await waitForVolume('1.23\u2009k');
  assert.equal(await page.getAttribute(volume, 'title'), '');
  await close();
});

test('a link to a moment of a recording asks the server for it', async () => {
  const at = Date.UTC(2024, 2, 5, 9, 31, 7);
  const asked = [];
  const script = (server) => { server.replay.speed = 1; market(server, { mode: 'replay' }); };
  const { page, close } = await site.open({ script, settings: SEEN });
  await waitForText(page, 'count', '2 symbols');
  page.on('request', (request) => { if (request.method() === 'POST') asked.push(request.postDataJSON()); });
  await page.evaluate((ms) => { location.hash = `#/m/AAA?at=${new Date(ms).toISOString()}&speed=10`; }, at);
  while (asked.length < 2) await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.deepEqual(asked.map(({ action, value, to }) => [action, value ?? to]), [['speed', 10], ['seek', at * 1000]]);
  await close();
});
