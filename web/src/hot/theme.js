/** The style sheet's colours as a canvas needs them: resolved, and some of them thinner. */

const NAMES = { panel: '--panel', raised: '--raised', hover: '--hover', text1: '--text1', text2: '--text2', text3: '--text3', hairline: '--hairline',
  edge: '--edge', up: '--up', down: '--down', accent: '--accent', warn: '--warn', warnSoft: '--warnSoft' };
const WATCHED = ['(prefers-color-scheme: dark)', '(forced-colors: active)', '(prefers-contrast: more)'];

/** @param {HTMLElement} element where the colours are to be used */
export function readTokens(element) {
  const probe = element.appendChild(document.createElement('span'));
  probe.hidden = true;
  const style = getComputedStyle(probe);
  const tokens = /** @type {Record<string, any>} */ ({});
  for (const [name, variable] of Object.entries(NAMES)) {
    probe.style.color = `var(${variable})`;
    tokens[name] = style.color;
  }
  tokens.font = getComputedStyle(element).fontFamily;
  probe.remove();
  return {
    ...tokens,
    grid: thin(tokens.hairline, 0.6),
    label: tokens.edge,
    upVolume: thin(tokens.up, 0.4),
    downVolume: thin(tokens.down, 0.4),
    hatchLost: thin(tokens.warn, 0.4),
    line: tokens.accent,
    areaTop: thin(tokens.accent, 0.28),
    areaBottom: thin(tokens.accent, 0.02),
    isHollow: matchMedia('(forced-colors: active)').matches || matchMedia('(prefers-contrast: more)').matches,
  };
}

/** Calls when the colours may have changed by the reader's system. @returns {() => void} */
export function watchTheme(listener) {
  const queries = WATCHED.map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener('change', listener);
  return () => { for (const query of queries) query.removeEventListener('change', listener); };
}

/** @param {string} color as computed: rgb(…) or rgba(…) */
export function thin(color, alpha) {
  const parts = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(color);
  return parts ? `rgba(${parts[1]}, ${parts[2]}, ${parts[3]}, ${Number(parts[4] ?? 1) * alpha})` : color;
}
