/* axe-core over every view, sheet and state, dark and light, on desktop and phone; and what it cannot see. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESKTOP, openSite, PHONE, SHOTS, waitForState, waitForText } from './support/browser.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['', '#/tape', '#/server', '#/connect', '#/about'];
const DIALOGS = ['palette', 'keys', 'settings', 'columns', 'lists', 'alerts'];
const OPENERS = {
  palette: (page) => page.keyboard.press('Control+k'),
  keys: (page) => page.keyboard.press('?'),
  settings: (page) => page.click('button[aria-label="Settings"]'),
  columns: (page) => page.click('.listTabs button[aria-label="Columns"]'),
  lists: (page) => page.click('.listTabs button[aria-label="Lists"]'),
  alerts: (page) => page.click('#bell'),
};
const ALERTS = [
  { id: '1', symbol: 'AAPL', kind: 'above', value: '120', repeat: false },
  { id: '2', symbol: 'BTC-USD', kind: 'rise', value: '2', windowS: 300, repeat: true, muted: true },
  { id: '3', symbol: 'EUR-USD', kind: 'below', value: '103', repeat: false, fired: { us: Date.UTC(2024, 7, 8, 23, 55) * 1000, detail: 'at 102.99' } },
];
const site = openSite();

/** Prices that stand still, so that a picture and a judgement are of one moment. */
const market = ({ greet, say }) => {
  greet();
  say({ type: 'snapshot', data: ['AAPL', 'BTC-USD', 'EUR-USD'].flatMap((symbol, at) => [
    { kind: 'trade', symbol, source: 'coinbase', seq: 1, price: `${100 + at}.25`, recv: Date.now() * 1000 },
    { kind: 'quote', symbol, source: 'coinbase', seq: 1, bid: `${100 + at}.24`, ask: `${100 + at}.26`, recv: Date.now() * 1000 }]) });
  say({ type: 'feed', source: 'kraken', state: 'down', ts: 1 });
};

/** @returns {Promise<string[]>} what axe finds wrong; animations have ended before */
async function violationsOf(page) {
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {}))));
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.flatMap(({ id, nodes }) => nodes.slice(0, 4).map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`));
  });
}

for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const colorScheme of ['dark', 'light']) {
    test(`axe finds nothing in any view, ${device}, ${colorScheme}`, async () => {
      for (const path of VIEWS) {
        const { page, close } = await site.open({ viewport, colorScheme, path });
        await waitForState(page, 'live');
        if (path === '') await waitForText(page, 'count', '20 symbols');
        assert.deepEqual(await violationsOf(page), [], path);
        await page.screenshot({ path: `${SHOTS}/view-${path.slice(2) || 'markets'}-${device}-${colorScheme}.png` });
        await close();
      }
    });
  }
}

test('axe finds nothing in any sheet', async () => {
  for (const [viewport, colorScheme] of [[DESKTOP, 'dark'], [DESKTOP, 'light'], [PHONE, 'light']]) {
    const { page, close } = await site.open({ viewport, colorScheme, script: market, settings: { lists: { Mine: ['AAPL'] }, alerts: ALERTS } });
    await waitForText(page, 'count', '3 symbols');
    for (const name of DIALOGS) {
      await OPENERS[name](page);
      await page.waitForSelector(`#${name}Dialog[open]`);
      assert.deepEqual(await violationsOf(page), [], name);
      await page.screenshot({ path: `${SHOTS}/sheet-${name}-${viewport === PHONE ? 'phone' : 'desktop'}-${colorScheme}.png` });
      await page.keyboard.press('Escape');
      await page.waitForSelector(`#${name}Dialog`, { state: 'detached' });
    }
    await close();
  }
});

const hasSymbol = (page) => page.waitForSelector('.trades [role="columnheader"]', { state: 'attached' });

test('axe finds nothing in the symbol that is open, on a phone', async () => {
  for (const colorScheme of ['dark', 'light']) {
    const { page, close } = await site.open({ viewport: PHONE, colorScheme, script: market, path: '#/m/AAPL', hasTouch: true, isMobile: true });
    await waitForState(page, 'live');
    await hasSymbol(page);
    await page.waitForFunction(() => document.querySelector('.heroPrice').textContent === '100.25');
    assert.deepEqual(await violationsOf(page), []);
    await page.click('.instrumentTools button[aria-label="New alert"]');
    await page.waitForSelector('#alertsDialog[open]');
    assert.deepEqual(await violationsOf(page), [], 'with the alerts over it');
    await page.screenshot({ path: `${SHOTS}/symbol-alert-phone-${colorScheme}.png` });
    await close();
  }
});

test('axe finds nothing when the connection is lost, refused or silent', async () => {
  const scripts = {
    connecting: () => {},
    reconnecting: (server) => { market(server); server.say({ type: 'shutdown', reconnect_in_ms: 600_000 }); server.end(1001); },
    closed: (server) => { market(server); server.end(4401, 'the token has expired'); },
    stalled: (server) => { server.greet({ heartbeat_ms: 3000 }); market({ ...server, greet() {} }); },
  };
  const places = [[DESKTOP, '#/m'], [DESKTOP, '#/tape'], [DESKTOP, '#/server'], [PHONE, '#/m'], [PHONE, '#/m/AAPL']];
  for (const [state, script] of Object.entries(scripts)) {
    for (const [viewport, path] of state === 'reconnecting' ? places : places.slice(0, 1)) {
      const { page, close } = await site.open({ viewport, script, path });
      await waitForState(page, state);
      if (state !== 'connecting' && (path === '#/m/AAPL' || (path === '#/m' && viewport === DESKTOP))) await hasSymbol(page);
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        // What fades has faded; what pulses for ever is not waited for.
        await page.evaluate(() => Promise.allSettled(document.getAnimations()
          .filter(({ effect }) => effect.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished)));
        assert.deepEqual(await violationsOf(page), [], `${state} ${path} ${viewport.width} ${colorScheme}`);
      }
      await close();
    }
  }
});

test('the grid is a grid for a screen reader', async () => {
  const { page, close } = await site.open({ script: market, settings: { detail: false } });
  await waitForText(page, 'count', '3 symbols');
  await page.waitForSelector('#rows .row[aria-rowindex="4"]');
  const tree = await page.locator('#grid').ariaSnapshot();
  for (const text of ['grid "Prices"', 'columnheader "Symbol"', 'row ', 'gridcell "AAPL"', 'gridcell "100.25"']) assert.ok(tree.includes(text), `${text} in\n${tree}`);
  assert.equal(await page.getAttribute('#grid', 'aria-rowcount'), '4');
  await page.focus('#grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.querySelector('#rows .row[data-active] .symbol')?.textContent === 'BTC-USD');
  const active = await page.evaluate(() => document.getElementById(document.getElementById('grid').getAttribute('aria-activedescendant')).ariaRowIndex);
  assert.equal(active, '3');
  await close();
});

test('everything can be reached by Tab, sees its focus, and the first stop skips to the content', async () => {
  const { page, close } = await site.open({ script: market });
  await waitForText(page, 'count', '3 symbols');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'grid');
  await page.evaluate(() => { document.activeElement.blur(); });
  const reached = new Set();
  let rounds = 0;
  for (let step = 0; step < 300 && rounds < 2; step++) {
    await page.keyboard.press('Tab');
    const { name, outline } = await page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      return { name: element === document.body ? '' : element.id || element.getAttribute('aria-label') || element.textContent.trim(), outline: style.outlineStyle !== 'none' };
    });
    if (!name) continue;
    assert.ok(outline, `${name} shows its focus`);
    rounds += name === 'Skip to the content'; // from there to there: all of it
    reached.add(name);
  }
  for (const name of ['Markets', 'Tape', 'Server', 'Connect', 'About', 'filter', 'Keys', 'Settings', 'All', 'Lists', 'Columns', 'grid', 'Symbol'])
    assert.ok(reached.has(name), `${name} among ${[...reached]}`);
  await close();
});

test('colours of the system\'s own choice keep everything visible', async () => {
  const { page, close } = await site.open({ script: market, forcedColors: 'active' });
  await waitForText(page, 'count', '3 symbols');
  await page.screenshot({ path: `${SHOTS}/forced-colors-desktop.png` });
  assert.notEqual(await page.$eval('.pill', (pill) => getComputedStyle(pill).borderStyle), 'none');
  await close();
});

test('a page magnified to 400 % still works', async () => {
  const { page, close } = await site.open({ script: market, viewport: { width: 360, height: 225 }, deviceScaleFactor: 4 });
  await waitForText(page, 'count', '3 symbols');
  await page.waitForSelector('#rows .row:not([hidden])', { state: 'attached' });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await close();
});
