/** What the page says must be so, in every corner of it at once: no old price that looks like one of now. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSite, waitForState, waitForText } from './support/browser.js';

const site = openSite();
const SEEN = { seenIntro: true };
const trade = (symbol, seq, price, more) => ({ kind: 'trade', symbol, source: 'x', seq, price, ...more });
const quote = (symbol, seq, bid, ask, more) => ({ kind: 'quote', symbol, source: 'x', seq, bid, ask, ...more });
const market = ({ greet, say }, hello) => {
  greet(hello);
  say({ type: 'snapshot', data: [trade('AAA', 1, '100.5'), quote('AAA', 1, '100.4', '100.6'), trade('BBB', 1, '7.25'), quote('BBB', 1, '7.24', '7.26')] });
};

const AWAY = {
  stalled: (server) => market(server, { heartbeat_ms: 400 }),
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
  await page.click('#rows .row[aria-rowindex="2"] .symbol');
  await page.waitForFunction(() => document.querySelector('.heroPrice')?.textContent === '100.5');
  socket.say({ type: 'shutdown', reconnect_in_ms: 600_000 });
  socket.end(1001);
  await waitForState(page, 'reconnecting');
  await page.click('#rows .row[aria-rowindex="3"] .symbol');
  await page.waitForFunction(() => document.querySelector('.detailName h2')?.textContent === 'BBB' && document.querySelector('.heroPrice').textContent === '7.25');
  await page.waitForFunction(() => document.querySelector('.quotePrice[data-price="bid"]').textContent === '7.24');
  await page.waitForSelector('.detailHead[data-row="waiting"]');
  assert.equal(await page.textContent('.heroState'), 'last known');
  await close();
});
