/** A feed that means harm, or knows no measure: ten thousand symbols with names of code, of other directions, and without end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoSidewaysScroll, DESKTOP, openSite, PHONE, SHOTS, SMALLEST, texts, waitForText } from './support/browser.js';

const site = openSite();
const COUNT = 10_000;
const ELEMENTS_MAX = 2500;
const BATCH = 1000;
const LONG = '1234567890123456789012345.678901234567890'; // 40 digits
const OWN = 'document.title="owned";window.owned=1';
const NAMES = [
  `<img src=x onerror='${OWN}'>`, `<script>${OWN}</script>`, `"onmouseover="${OWN}`, `'><svg onload=${OWN}>`, `javascript:${OWN}`, '{{7*7}}${7*7}',
  '\u202Egnp.exe\u202C', 'שלום־עולם', 'العربية/ريال', '\u2067א\u2066b', 'W'.repeat(128), 'Ｗ'.repeat(60), 'Z\u0300\u0301\u0302\u0303\u0304'.repeat(20), '👩‍👩‍👧‍👦'.repeat(12), '\u0000\u0007\u2028\u200B',
  '__proto__', 'constructor', '../../etc/passwd', '%E0%A4%A', 'a~b?c#d&e=f', ' ',
];
const nameOf = (at) => (at < NAMES.length ? NAMES[at] : at % 7 === 0 ? `עברית-${at}` : `S${String(at).padStart(5, '0')}`);
const priceOf = (at, seq) => (at % 5 === 0 ? LONG : at % 5 === 1 ? `0.${'0'.repeat(30)}${seq}${at}` : at % 5 === 2 ? `-${at}.${seq}` : `${at}.${seq}5`);

/** Trades and quotes of all, in messages as a server would send them. */
function* batches(seq) {
  for (let from = 0; from < COUNT; from += BATCH) {
    yield Array.from({ length: BATCH }, (_, index) => from + index).flatMap((at) => {
      const stamp = { symbol: nameOf(at), source: at % 11 === 0 ? '<b onclick=alert(1)>' : 'x', seq };
      return [{ kind: 'trade', ...stamp, price: priceOf(at, seq), size: at % 3 === 0 ? LONG : '1' }, { kind: 'quote', ...stamp, bid: priceOf(at, seq), ask: LONG, bid_size: LONG, ask_size: '0' }];
    });
  }
}

const market = ({ greet, say }) => {
  greet();
  for (const data of batches(1)) say({ type: 'snapshot', data });
};

const answers = { stats: () => ({ stats: NAMES.map((symbol, at) => ({ symbol, kind: 'trade', from: 1, open: priceOf(at, 9), high: LONG, low: '-1', last: LONG, volume: LONG })) }) };

/** Nothing ran, nothing is an element that should be a text, and there is no more of the page than can be seen. */
async function assertUnharmed(page, where) {
  const { owned, title, foreign, elements } = await page.evaluate(() => ({
    owned: window.owned, title: document.title, elements: document.querySelectorAll('*').length,
    foreign: document.querySelectorAll('#app :is(script, b[onclick], svg[onload], img:not([src="favicon.svg"]))').length,
  }));
  assert.deepEqual({ owned, foreign }, { owned: undefined, foreign: 0 }, where);
  assert.doesNotMatch(title, /owned/, where);
  assert.ok(elements <= ELEMENTS_MAX, `${elements} elements ${where}`);
  await assertNoSidewaysScroll(page);
}

/** Every row in view is as high as every other, whatever stands in it, and none hangs out of the list. */
async function assertRows(page, where) {
  const { heights, outside } = await page.$$eval('#rows .row:not([hidden])', (rows) => {
    const { left, right } = document.getElementById('grid').getBoundingClientRect();
    return {
      heights: [...new Set(rows.map((row) => Math.round(row.getBoundingClientRect().height * 10)))],
      outside: rows.flatMap((row) => [row, ...row.children]).filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.left < left - 1 || box.right > right + 1);
      }).length,
    };
  });
  assert.deepEqual({ heights: heights.length, outside }, { heights: 1, outside: 0 }, `${heights} ${where}`);
}

const scrollTo = (page, part) => page.$eval('#grid', (grid, share) => new Promise((done) => {
  grid.scrollTop = share * grid.scrollHeight;
  requestAnimationFrame(() => requestAnimationFrame(done));
}), part);

for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE], ['320', SMALLEST]]) {
  test(`ten thousand hostile symbols: the list stands, ${device}`, async () => {
    const { page, socket, close } = await site.open({ viewport, script: market, answers, settings: { seenIntro: true } });
    await waitForText(page, 'count', '10,000 symbols');
    for (const sort of ['', '-last', 'change', '-volume', '-symbol']) {
      await page.evaluate((order) => { location.hash = `#/m?sort=${order}`; }, sort);
      for (const part of [0, 0.5, 1]) {
        await scrollTo(page, part);
        await assertRows(page, `${sort} ${part}`);
        await assertUnharmed(page, `${sort} ${part}`);
      }
    }
    await page.evaluate(() => { location.hash = '#/m?q=S0002'; });
    await page.waitForFunction(() => document.querySelector('#rows .row:not([hidden])[aria-rowindex="2"] .symbol')?.textContent === 'S00022');
    for (const data of batches(2)) socket.say({ type: 'update', data });
    await page.waitForFunction(() => document.querySelector('#rows .row:not([hidden])[aria-rowindex="3"] .last')?.textContent === '23.25');
    await assertRows(page, 'after updates');
    await page.fill('#filter', 'src=x');
    await page.waitForFunction(() => document.querySelectorAll('#rows .row:not([hidden])').length === 1);
    assert.deepEqual(await texts(page, 'symbol'), [NAMES[0]]);
    await page.fill('#filter', '');
    await page.screenshot({ path: `${SHOTS}/hostile-10000-${device}.png` });
    await assertUnharmed(page, 'in the end');
    await close();
  });
}

test('a hostile symbol in its panel, the palette, the alerts and the other views is a text', async () => {
  for (const viewport of [DESKTOP, SMALLEST]) {
    const { page, close } = await site.open({ viewport, script: market, answers, settings: { seenIntro: true } });
    await waitForText(page, 'count', '10,000 symbols');
    for (const name of NAMES.slice(0, 12)) {
      await page.evaluate((symbol) => { location.hash = `#/m/${encodeURIComponent(symbol)}`; }, name);
      await page.waitForFunction((symbol) => document.querySelector('.detailName h2')?.textContent === symbol, name);
      await assertUnharmed(page, name);
    }
    await page.evaluate((symbol) => { location.hash = `#/m/${encodeURIComponent(symbol)}`; }, NAMES[0]);
    await page.waitForFunction((symbol) => document.querySelector('.detailName h2')?.textContent === symbol, NAMES[0]);
    await page.screenshot({ path: `${SHOTS}/hostile-10000-symbol-${viewport.width}.png` });
    await page.keyboard.press('a');
    await page.waitForSelector('#alertsDialog[open]');
    await page.fill('#alertSymbol', 's');
    await assertUnharmed(page, 'alerts');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#alertsDialog', { state: 'detached' });
    await page.keyboard.press('Control+k');
    await page.waitForSelector('#paletteDialog[open]');
    await page.keyboard.type('onerror');
    await page.waitForFunction((name) => document.querySelector('#paletteDialog [role="option"] bdi')?.textContent === name, NAMES[0]);
    await assertUnharmed(page, 'palette');
    await page.keyboard.press('Escape');
    for (const view of ['tape', 'connect', 'server', 'about']) {
      await page.evaluate(([name, symbol]) => { location.hash = `#/${name}/${encodeURIComponent(symbol)}`; }, [view, NAMES[0]]);
      await page.waitForSelector(`html[data-view="${view}"]`, { state: 'attached' });
      await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
      await assertUnharmed(page, view);
    }
    await close();
  }
});
