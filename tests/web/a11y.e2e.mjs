/* axe-core over every view, sheet and state, dark and light, on desktop and phone; and what it cannot see. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESKTOP, openSite, PHONE, SHOTS, waitForState, waitForText } from './support/browser.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['', '#/tape', '#/server', '#/connect', '#/about'];
const DIALOGS = ['palette', 'keys', 'settings', 'columns', 'lists'];
const OPENERS = {
  palette: (page) => page.keyboard.press('Control+k'),
  keys: (page) => page.keyboard.press('?'),
  settings: (page) => page.click('button[aria-label="Settings"]'),
  columns: (page) => page.click('.listTabs button[aria-label="Columns"]'),
  lists: (page) => page.click('.listTabs button[aria-label="Lists"]'),
};
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
    const { page, close } = await site.open({ viewport, colorScheme, script: market, settings: { lists: { Mine: ['AAPL'] } } });
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

test('axe finds nothing when the connection is lost, refused or silent', async () => {
  const scripts = {
    connecting: () => {},
    reconnecting: (server) => { market(server); server.say({ type: 'shutdown', reconnect_in_ms: 600_000 }); server.end(1001); },
    closed: (server) => { market(server); server.end(4401, 'the token has expired'); },
    stalled: (server) => { server.greet({ heartbeat_ms: 400 }); market({ ...server, greet() {} }); },
  };
  for (const [state, script] of Object.entries(scripts)) {
    for (const colorScheme of ['dark', 'light']) {
      const { page, close } = await site.open({ colorScheme, script });
      await waitForState(page, state);
      // What fades has faded; what pulses for ever is not waited for.
      await page.evaluate(() => Promise.allSettled(document.getAnimations()
        .filter(({ effect }) => effect.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished)));
      const found = await violationsOf(page);
      // Prices that are not of now are shown faded on purpose; the words about it are not.
      assert.deepEqual(found.filter((text) => !/^color-contrast/.test(text) || !/class="(symbol|last|bid|ask|change|percent|age|source|spread|star|since|tag|zeros|quotePrice|quoteSize|heroPrice)|data-cell="(?!state)|<bdi>|<button/.test(text)), [], state);
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
