/** Every trade as it comes, in a real browser: filtered, held, saved, and honest about what is missing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DESKTOP, openSite, PHONE, SHOTS, waitForState } from './support/browser.js';

const site = openSite();
const START = Date.UTC(2024, 7, 8, 23, 55) * 1000;
const SYMBOLS = ['AAPL', 'BTC-USD', 'EUR-USD', '<b>X</b>'];

let seq = 0;
const trade = (symbol, price, more) => ({ kind: 'trade', symbol, source: 'x', seq: ++seq, recv: START + seq * 1000, price, size: '1.50', side: 'buy', ...more });

/** Rows in view, newest first, as {column: text}. */
const rows = (page) => page.$$eval('.tapeBody .trade:not([hidden])', (list) => list
  .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
  .map((row) => Object.fromEntries([...row.children].map((cell) => [cell.className, cell.textContent]))));
const waitForRows = (page, count) => page.waitForFunction((wanted) => (
  document.querySelectorAll('.tapeBody .trade:not([hidden])').length === wanted), count);
const waitForFirst = (page, price) => page.waitForFunction((wanted) => {
  const row = document.querySelector('.tapeBody .trade:not([hidden])[aria-rowindex="2"]');
  return row && row.querySelector('.price').textContent.replace(/[▲▼]/, '') === wanted;
}, price);

/** A page on the tape, with a few trades. */
async function openTape(options = {}) {
  seq = 0;
  const script = (it) => { it.greet(); it.say({ type: 'snapshot', data: [] }); };
  const opened = await site.open({ script, path: '#/tape', ...options });
  await opened.page.waitForSelector('.tapeView');
  await waitForState(opened.page, 'live');
  const say = (...data) => opened.socket.say({ type: 'update', data });
  return { ...opened, say };
}

test('real trades come in, newest first, and only the rows in view exist', async () => {
  const { page, close } = await site.open({ path: '#/tape' });
  await page.waitForFunction(() => document.querySelectorAll('.tapeBody .trade:not([hidden])').length > 10);
  await page.waitForFunction(() => Number(/^([\d,]+) trades/.exec(document.querySelector('.tapeFoot').textContent)?.[1].replaceAll(',', '')) > 60);
  const list = await rows(page);
  assert.ok(list[0].time > list.at(-1).time); // trades of two ways of delivery may have met in between
  assert.ok(list.every(({ price, size, side, source }) => /\d/.test(price) && /\d/.test(size) && ['buy', 'sell', '—'].includes(side) && source === 'sim'));
  assert.ok(await page.$$eval('.tapeBody .trade', (all) => all.length) < 60);
  await close();
});

test('a trade says its direction, and keeps every digit that counts', async () => {
  const { page, say, close } = await openTape();
  say(trade('A', '61837.63000000', { size: '0.00120000' }), trade('A', '61838.10000000'), trade('A', '61838.05000000', { side: 'sell' }));
  await waitForFirst(page, '61,838.05');
  assert.deepEqual((await rows(page)).map(({ price, size, side }) => [price, size, side]),
    [['▼61,838.05', '1.50', 'sell'], ['▲61,838.10', '1.50', 'buy'], ['61,837.63', '0.0012', 'buy']]);
  assert.equal((await rows(page))[0].time, '23:55:00.003');
  await close();
});

test('filters by name, side and size, kept in the URL', async () => {
  const { page, say, close } = await openTape();
  say(...SYMBOLS.map((symbol, at) => trade(symbol, '10', { size: String(at), side: at % 2 ? 'sell' : 'buy' })));
  await waitForRows(page, 4);
  await page.fill('.tapeFilter', 'usd');
  await waitForRows(page, 2);
  await page.click('[aria-label="Side"] button:text-is("Buys")');
  await waitForRows(page, 1);
  assert.equal((await rows(page))[0].symbol, 'EUR-USD');
  await page.fill('.tapeMin input', '2.5');
  await page.waitForSelector('.tapeEmpty >> text=No trade matches');
  await page.waitForFunction(() => /tq=usd/.test(location.hash) && /side=buy/.test(location.hash) && /min=2\.5/.test(location.hash));
  say(trade('NEW-USD', '11', { size: '2.50' }));
  await waitForRows(page, 1);
  await page.fill('.tapeMin input', 'lots');
  await page.waitForSelector('.tapeMin input[aria-invalid="true"]');
  await page.fill('.tapeFilter', 'zzz');
  await page.click('.tapeEmpty button');
  await waitForRows(page, 5);
  assert.equal((await page.$$('.tapeBody b')).length, 0);
  await close();
});

test('it stands still under the pointer, counts what comes, and goes on', async () => {
  const { page, say, close } = await openTape();
  say(trade('A', '1'), trade('A', '2'));
  await waitForFirst(page, '2');
  await page.hover('.tapeScroll');
  await page.waitForSelector('.tapeNewer');
  say(trade('A', '3'), trade('A', '4'));
  await page.waitForSelector('.tapeNewer >> text=2 newer');
  assert.deepEqual((await rows(page)).map(({ price }) => price.replace(/[▲▼]/, '')), ['2', '1']);
  await page.mouse.move(5, 5);
  await waitForFirst(page, '4');
  await page.click('.tapeTools button:text-is("Hold")');
  say(trade('A', '5'));
  await page.waitForSelector('.tapeNewer >> text=1 newer');
  await page.click('.tapeNewer');
  await page.mouse.move(5, 5);
  await waitForFirst(page, '5');
  await page.waitForSelector('.tapeTools button:text-is("Hold")');
  await close();
});

test('the keyboard scrolls through thousands, and opens nothing by accident', async () => {
  const { page, say, close } = await openTape();
  for (let at = 0; at < 30; at++) say(...Array.from({ length: 100 }, (_, each) => trade('A', String(1000 + each))));
  await page.waitForFunction(() => document.querySelector('.tapeScroll').ariaRowCount === '3001');
  await page.focus('.tapeScroll');
  await page.keyboard.press('End');
  await page.waitForSelector('.tapeBody .trade:not([hidden])[aria-rowindex="3001"]');
  await page.waitForSelector('.tapeNewer'); // held, because the reader is elsewhere
  assert.ok(await page.$$eval('.tapeBody .trade', (all) => all.length) < 60);
  await close();
});

test('gaps and passed-over trades are told, a reset clears', async () => {
  const { page, socket, say, close } = await openTape();
  say(trade('A', '1'), trade('A', '2', { seq: (seq += 4) + 1, skipped: 4 }));
  await page.waitForSelector('.tapeFoot >> text=4 passed over');
  assert.equal(await page.$eval('.trade[data-skipped]', ({ title }) => title), '4 before it were passed over');
  seq += 20;
  say(trade('A', '3'));
  await page.waitForSelector('.trade[data-mark] >> text=events lost');
  socket.say({ type: 'reset', epoch: 'e2', reason: 'loop' });
  await page.waitForSelector('.tapeEmpty >> text=No trades yet');
  await close();
});

test('what is shown can be saved, and a row leads to its symbol', async () => {
  const { page, say, close } = await openTape();
  say(trade('AAPL', '213.3100'), trade('=1+1', '2'));
  await waitForRows(page, 2);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.tapeTools button:text-is("CSV")')]);
  assert.equal(download.suggestedFilename(), 'pricecast-trades.csv');
  assert.equal(readFileSync(await download.path(), 'utf8'), [
    'time,ts_us,recv_us,symbol,source,price,size,side,seq,skipped',
    `2024-08-08T23:55:00.001000Z,,${START + 1000},AAPL,x,213.3100,1.50,buy,1,`,
    `2024-08-08T23:55:00.002000Z,,${START + 2000},'=1+1,x,2,1.50,buy,2,`, ''].join('\r\n'));
  await page.click('.tapeBody .trade:not([hidden]) >> text=AAPL');
  await page.waitForFunction(() => location.hash.startsWith('#/m/AAPL'));
  await close();
});

test('the tape stands on desktop and phone, dark and light', async () => {
  for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    const { page, say, close } = await openTape({ viewport });
    for (let at = 0; at < 40; at++) say(trade(SYMBOLS[at % 4], `${100 + (at * 7) % 13}.${at % 10}0`, { side: at % 3 ? 'buy' : 'sell', size: String(at * 3 + 1) }));
    await page.waitForFunction(() => document.querySelectorAll('.tapeBody .trade:not([hidden])').length > 8);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SHOTS}/tape-${device}-${colorScheme}.png` });
    }
    const { content, width } = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, width: innerWidth }));
    assert.ok(content <= width, `${content} px of content in ${width}`);
    await close();
  }
});
