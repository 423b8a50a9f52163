/**
 * The dashboard in a real browser against the real server, for the *.e2e.mjs files:
 *
 *   const site = openSite();                       // in the file's top level: starts and ends by itself
 *   const { page, close } = await site.open({ … });
 *
 * PRICECAST_BIN          the server (default build/pricecast)
 * PRICECAST_SCREENSHOTS  where pictures go (default build/screenshots)
 * CHROMIUM               default /usr/bin/chromium
 *
 * `close()` fails when the page broke its Content-Security-Policy, threw, logged an error, got an error
 * status or asked another host. Nothing here waits for a fixed time; what waits does so for up to WAIT_MS.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { scriptSocket } from './scripted.js';
import { startServer } from './server.js';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../../..');

/** Where the server answers with 404 as long as a symbol has had no price: after a restart, for one. */
const hasNoPriceYet = (url) => url.includes('/api/v1/candles?');

export const SHOTS = resolve(process.env.PRICECAST_SCREENSHOTS ?? `${ROOT}/build/screenshots`);
export const PROGRAM = process.env.PRICECAST_BIN ?? `${ROOT}/build/pricecast`;
export const WAIT_MS = 60_000;
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const SMALLEST = { width: 320, height: 640 };

/**
 * One server and one Chromium for a test file.
 * @param {{args?: string[], chromiumArgs?: string[]}} [options] `args`: of the server, instead of a simulated market
 */
export function openSite({ args, chromiumArgs = [] } = {}) {
  const site = { server: null, browser: null, open };
  before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    site.server = await startServer(PROGRAM, args);
    if (!args) await untilAllHavePrices(site.server);
    site.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', ...chromiumArgs],
    });
  });
  afterEach(() => Promise.all(site.browser.contexts().map((context) => context.close()))); // of a test that failed
  after(async () => {
    await site.browser?.close();
    await site.server?.stop();
  });
  return site;

  /**
   * @param {object} [options] those of a browser context, and:
   * @param {(server) => void} [options.script] answers the WebSocket instead of the server, see scripted.js
   * @param {object} [options.answers] to what it asks over HTTP then, see scripted.js
   * @param {object} [options.settings] what the reader has chosen before, see core/settings.js
   * @param {string} [options.path] after the server's address: '#/m/AAPL'
   * @param {RegExp} [options.allow] errors that this test is about
   */
  async function open({ viewport = DESKTOP, colorScheme = 'dark', script, answers, settings, path = '', allow, ...options } = {}) {
    const context = await site.browser.newContext({ viewport, colorScheme, ...options });
    context.setDefaultTimeout(WAIT_MS);
    await context.addInitScript((chosen) => {
      window.violations = [];
      window.addEventListener('securitypolicyviolation',
        (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
      if (chosen && !localStorage.getItem('pricecast')) localStorage.setItem('pricecast', JSON.stringify({ schema: 1, ...chosen }));
    }, settings);
    const page = await context.newPage();
    const faults = [];
    const note = (text) => { if (!allow?.test(text)) faults.push(text); };
    page.on('pageerror', (error) => note(`exception: ${error.message}`));
    page.on('console', (message) => {
      const isLostConnection = /WebSocket connection to .* failed|net::ERR_(CONNECTION|EMPTY_RESPONSE|NETWORK|INCOMPLETE)/.test(message.text());
      const isAnswer = message.text().includes('status of 404') && hasNoPriceYet(message.location().url);
      if (message.type() === 'error' && !isLostConnection && !isAnswer) note(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (!['blob:', 'data:'].includes(protocol) && host !== new URL(site.server.url).host) note(`foreign: ${request.url()}`);
    });
    page.on('response', (response) => {
      const isAnswer = response.status() === 404 && hasNoPriceYet(response.url());
      if (response.status() >= 400 && !isAnswer) note(`${response.status()}: ${response.url()}`);
    });
    const socket = script && (await scriptSocket(page, script, answers));
    await page.goto(site.server.url + path);
    await page.waitForSelector('#app > *', { state: 'attached' }); // it is drawn
    return { page, context, socket, close };

    async function close() {
      faults.push(...(await page.evaluate(() => window.violations)));
      await context.close();
      assert.deepEqual(faults, []);
    }
  }
}

/** Of the simulated market: twenty symbols, each with trade and quote, so that none appears while a test looks. */
async function untilAllHavePrices({ url }) {
  const count = async () => (await (await fetch(`${url}api/v1/latest`)).json()).data.length;
  while ((await count()) < 40) await new Promise((done) => { setTimeout(done, 50); });
}

/** Resolves when the connection is in this state. */
export const waitForState = (page, state) => page.waitForSelector(`html[data-state="${state}"]`, { state: 'attached' });

/** Resolves when the element with this id has exactly this text, or one that matches. */
export const waitForText = (page, id, text) => page.waitForFunction(([name, wanted, pattern]) => {
  const said = document.getElementById(name)?.textContent;
  return said !== undefined && (pattern === undefined ? said === wanted : new RegExp(pattern).test(said));
}, [id, String(text), text instanceof RegExp ? text.source : undefined]);

/** The texts of one column, from top to bottom. */
export const texts = (page, column) => page.$$eval(`#rows .row:not([hidden]) .${column}`, (cells) => cells
  .sort((a, b) => a.closest('.row').ariaRowIndex - b.closest('.row').ariaRowIndex)
  .map((element) => element.textContent));

/** Resolves when some price in view is another than now. */
export async function waitForMovingPrices(page) {
  const before_ = await texts(page, 'last');
  await page.waitForFunction((old) => {
    const cells = [...document.querySelectorAll('#rows .row:not([hidden]) .last')];
    return cells.length > 0 && cells.some(({ textContent }) => /\d/.test(textContent) && !old.includes(textContent));
  }, before_);
}

/** Pictures of what the page shows now: on a desktop and on a phone, dark and light. The page is as before then. */
export async function picture(page, name) {
  const before_ = page.viewportSize();
  for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
      await page.screenshot({ path: `${SHOTS}/${name}-${device}-${colorScheme}.png` });
    }
  }
  await page.setViewportSize(before_);
  await page.emulateMedia({ colorScheme: 'dark' });
}

/** The page follows a new size within a frame or two. */
export async function assertNoSidewaysScroll(page) {
  await page.waitForFunction(() => {
    const grid = document.getElementById('grid');
    const inner = grid ? grid.scrollWidth - grid.clientWidth : 0;
    return document.documentElement.scrollWidth <= innerWidth && inner <= 0;
  });
}
