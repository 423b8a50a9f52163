/** The keys and commands of the whole page; views and panels add their own. */
import { VIEWS } from './views.js';

const THEMES = ['auto', 'dark', 'light'];
const THEME_WORDS = { auto: 'as the system', dark: 'dark', light: 'light' };

/** @returns {() => void} takes them off again */
export function addCommands(app) {
  const { keys, settings, route } = app;
  const openDialog = (name) => () => { app.dialog.value = name; };
  const target = () => app.activeRow()?.symbol ?? app.selected.peek()?.symbol;
  return keys.add(
    { key: 'Ctrl+K', title: 'Find a symbol or a command', group: 'Everywhere', run: openDialog('palette') },
    { key: '?', title: 'Show the keys', group: 'Everywhere', run: openDialog('keys') },
    { key: 't', title: 'Switch the theme', group: 'Everywhere', run: () => switchTheme(app) },
    { key: 's', title: 'Star the symbol, or take the star off', group: 'Markets', when: () => target() !== undefined, run: () => app.toggleStar(target()) },
    { key: 'Escape', title: 'Close the symbol', group: 'Markets', isHidden: true, when: () => route.peek().view === 'markets' && app.selected.peek() !== null, run: () => app.open(null) },
    { title: 'Settings', group: 'Everywhere', run: openDialog('settings') },
    { title: 'Choose columns', group: 'Markets', run: openDialog('columns') },
    { title: 'Your lists', group: 'Markets', run: openDialog('lists') },
    { title: 'Switch the density of rows', group: 'Markets', run: () => { settings.density.value = settings.density.peek() === 'compact' ? 'comfortable' : 'compact'; } },
    { title: 'Flash prices, or do not', group: 'Markets', run: () => { settings.calm.value = !settings.calm.peek(); } },
    { title: 'Reconnect now', group: 'Everywhere', when: () => ['reconnecting', 'closed'].includes(app.feed.state), run: () => app.feed.retry() },
    { title: 'Copy the link to this page', group: 'Everywhere', run: () => copyLink(app) },
    ...VIEWS.map(({ name, title }) => ({ title: `Go to ${title}`, group: 'Everywhere', run: () => route.go({ view: name, symbol: null }) })),
  );
}

export function switchTheme({ settings, say, toast }) {
  settings.theme.value = THEMES[(THEMES.indexOf(settings.theme.peek()) + 1) % THEMES.length];
  const text = `Theme: ${THEME_WORDS[settings.theme.peek()]}`;
  say(text);
  toast({ text });
}

async function copyLink({ page, toast }) {
  try {
    await page.navigator.clipboard.writeText(page.location.href);
    toast({ text: 'Link copied', kind: 'good' });
  } catch {
    toast({ text: `The browser does not let this page copy. The link: ${page.location.href}`, kind: 'warn' });
  }
}
