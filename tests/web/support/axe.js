/** axe-core in the page, without touching its Content-Security-Policy. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails with what is wrong and where.
 *  @param {import('playwright-core').Page} page @param {string} what for the message @param {string} [part] a selector */
export async function assertAccessible(page, what, part) {
  await page.evaluate(source);
  const { violations } = await page.evaluate((selector) => window.axe.run(selector ?? document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }), part);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(', ')}`), [], what);
}
