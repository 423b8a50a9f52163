/** Alerts in the page: set, fired, shown, kept, and silent where the screen is not live. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible } from './support/axe.js';
import { assertNoSidewaysScroll, openSite, PHONE, SHOTS, waitForText } from './support/browser.js';

const site = openSite();
const SEEN = { seenIntro: true };
const trade = (symbol, seq, price) => ({ kind: 'trade', symbol, source: 'x', seq, price });

/** A market of which this file says every price. */
async function openScripted({ mode = 'live', settings = {}, ...options } = {}) {
  const script = ({ greet, say }) => { greet({ mode }); say({ type: 'snapshot', data: [trade('AAA', 1, '100'), trade('BBB', 1, '5.5')] }); };
  const opened = await site.open({ script, settings: { ...SEEN, ...settings }, ...options });
  await waitForText(opened.page, 'count', '2 symbols');
  let seq = 1;
  return { ...opened, price: (price) => opened.socket.say({ type: 'update', data: [trade('AAA', ++seq, price)] }) };
}

async function setAlert(page, { symbol, kind, value, repeat = false }) {
  await page.fill('#alertSymbol', symbol);
  await page.selectOption('#alertKind', kind);
  await page.fill('#alertValue', value);
  if (repeat) await page.check('.alertForm input[type="checkbox"]');
  await page.click('.alertForm button[type="submit"]');
}

const waitForAlert = (page, state) => page.waitForSelector(`.alertRow[data-alert="${state}"]`);

test('a price crosses: toast, badge in the tab, and a list that knows when; kept over a reload', async () => {
  const { page, price, close } = await openScripted();
  await page.focus('#grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('a');
  await page.waitForSelector('#alertsDialog');
  await page.waitForFunction(() => document.getElementById('alertSymbol').value === 'AAA' && document.getElementById('alertValue').value === '100');
  await setAlert(page, { symbol: 'AAA', kind: 'above', value: '101.5' });
  await waitForAlert(page, 'armed');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#alertsDialog', { state: 'detached' });
  price('101.49');
  price('101.50');
  await page.waitForSelector('.toast.warn');
  assert.match(await page.textContent('.toast.warn'), /AAA rises above 101\.5: at 101\.50/);
  await page.waitForFunction(() => document.title === '(1) pricecast');
  await page.waitForSelector('#bell[aria-label="Alerts, 1 fired"]');
  await page.click('#bell');
  await waitForAlert(page, 'fired');
  assert.match(await page.textContent('.alertFired'), /^at 101\.50 · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  await page.waitForFunction(() => document.title === 'pricecast');
  await page.reload();
  await waitForText(page, 'count', '2 symbols');
  await page.click('#bell');
  await waitForAlert(page, 'fired');
  await page.click('.alertRow .link'); // arm again
  await waitForAlert(page, 'armed');
  await page.click('.alertRow .icon');
  await page.waitForSelector('.alertRow', { state: 'detached' });
  await close();
});

test('a change within a window, and silence', async () => {
  const { page, price, close } = await openScripted();
  await page.click('#bell');
  await setAlert(page, { symbol: 'AAA', kind: 'fall', value: '2' });
  await setAlert(page, { symbol: 'AAA', kind: 'stale', value: '1' });
  price('100');
  price('98.01');
  price('97.9');
  await page.waitForFunction(() => [...document.querySelectorAll('.alertFired')].some(({ textContent }) => /^−2\.10 % from 100 to 97\.9/.test(textContent)));
  await page.waitForFunction(() => [...document.querySelectorAll('.alertFired')].some(({ textContent }) => /^nothing for \d+ s/.test(textContent)));
  await page.getByRole('button', { name: 'Clear those that fired' }).click();
  await page.waitForSelector('.alertRow', { state: 'detached' });
  await close();
});

test('what is wrong with the form is said there', async () => {
  const { page, close } = await openScripted();
  await page.click('#bell');
  await setAlert(page, { symbol: 'AAA', kind: 'above', value: 'soon' });
  await waitForText(page, 'alertFault', /plain number/);
  assert.equal(await page.getAttribute('#alertValue', 'aria-invalid'), 'true');
  await page.fill('#alertValue', '50');
  await page.waitForSelector('.alertForm .note, #alertFault:not(:empty)');
  await page.click('.alertForm button[type="submit"]');
  await waitForAlert(page, 'armed');
  await page.click('.alertRow .link'); // mute
  await waitForAlert(page, 'muted');
  await close();
});

test('silent in a replay, unless that is wanted; silent while paused', async () => {
  const alerts = [{ id: '1', symbol: 'AAA', kind: 'above', value: '101', repeat: false }];
  const { page, price, socket, close } = await openScripted({ mode: 'replay', settings: { alerts } });
  price('99');
  price('102');
  await page.click('#bell');
  await page.waitForFunction(() => /recording: alerts are silent/.test(document.querySelector('.alerts .hint')?.textContent));
  await waitForAlert(page, 'armed');
  await page.getByLabel('Also in a replay and while delayed').check();
  price('99');
  price('103');
  await waitForAlert(page, 'fired');
  assert.ok(socket);
  await close();
});

test('a paused screen says that its alerts wait', async () => {
  const { page, price, close } = await openScripted({ settings: { alerts: [{ id: '1', symbol: 'AAA', kind: 'above', value: '101', repeat: false }] } });
  await page.keyboard.press('Space');
  await page.waitForSelector('html[data-mode="paused"]', { state: 'attached' });
  price('99');
  price('102');
  await page.click('#bell');
  await page.waitForFunction(() => /paused/.test(document.querySelector('.alerts .hint')?.textContent));
  await waitForAlert(page, 'armed');
  await page.keyboard.press('Escape');
  await page.keyboard.press('l');
  await page.waitForSelector('.toast.warn'); // what was held back is looked at when the screen goes on
  await close();
});

test('a hidden page notifies when it was asked to', async () => {
  const { page, price, close } = await openScripted({
    permissions: ['notifications'], settings: { notify: true, alerts: [{ id: '1', symbol: 'AAA', kind: 'above', value: '101', repeat: false }] },
  });
  await page.evaluate(() => {
    window.notes = [];
    window.Notification = class { static permission = 'granted'; constructor(title, options) { window.notes.push([title, options.body]); } };
    Object.defineProperty(document, 'hidden', { get: () => true });
  });
  price('99');
  price('102');
  await page.waitForFunction(() => window.notes.length === 1);
  assert.deepEqual(await page.evaluate(() => window.notes), [['AAA', 'AAA rises above 101: at 102']]);
  await close();
});

test('the sheet on desktop and phone, dark and light', async () => {
  const alerts = [
    { id: '1', symbol: 'AAA', kind: 'above', value: '101.5', repeat: false, fired: { us: Date.UTC(2024, 7, 8, 23, 55) * 1000, price: '101.50', detail: 'at 101.50' } },
    { id: '2', symbol: '<img src=x onerror=alert(1)>', kind: 'rise', value: '2', windowS: 300, repeat: true },
    { id: '3', symbol: 'BBB', kind: 'stale', value: '30', repeat: false, muted: true },
  ];
  for (const [device, options] of [['desktop', {}], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
    const { page, close } = await openScripted({ settings: { alerts }, ...options });
    await page.click('#bell');
    await page.waitForSelector('.alertRow >> nth=2');
    await page.$eval('dialog', (dialog) => Promise.all(dialog.getAnimations().map(({ finished }) => finished)));
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SHOTS}/alerts-${device}-${colorScheme}.png` });
    }
    await assertAccessible(page, `alerts ${device}`, '#alertsDialog');
    await assertNoSidewaysScroll(page);
    await close();
  }
});
