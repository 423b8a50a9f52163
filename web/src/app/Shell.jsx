import { useLayoutEffect } from 'preact/hooks';
import { addCommands } from './commands.js';
import { AlertBell, Alerts } from './Alerts.jsx';
import { Icon } from './icons.jsx';
import { Info } from './Info.jsx';
import { lazy } from './lazy.jsx';
import { Panel } from './Panel.jsx';
import { Search } from './Search.jsx';
import { Timeline, useClockWords } from './Timeline.jsx';
import { Toasts } from './Toasts.jsx';
import { VIEWS } from './views.js';
import { useApp, useValue } from './context.js';

const Sheets = lazy(async () => (await import('./Sheets.jsx')).Sheets);

/** The frame around every view. */
export function Shell() {
  const app = useApp();
  const { view } = useValue(app.route);
  const { title, Component } = VIEWS.find(({ name }) => name === view);
  const dialog = useValue(app.dialog);
  useRootData(app);
  useTitle(app, view === 'markets' ? '' : title);
  useLayoutEffect(() => addCommands(app), []);
  return (
    <>
      <SkipLink />
      <header class="top">
        <h1 class="brand"><img src="favicon.svg" alt="" width="22" height="22" /><span>pricecast</span></h1>
        <Nav />
        <Search />
        <Pill />
        <Tools />
      </header>
      <Info />
      <p id="spoken" class="unseen" role="status"><Spoken /></p>
      <main id="main" tabIndex={-1}>
        <Panel name={title} key={view}><Component /></Panel>
      </main>
      <footer class="foot">
        <Panel name="The timeline"><Timeline /></Panel>
      </footer>
      <Panel name="Alerts"><Alerts /></Panel>
      {dialog && <Panel name="The sheet"><Sheets /></Panel>}
      <Toasts />
    </>
  );
}

/** What style sheets and tests look at. */
function useRootData(app) {
  const { state } = useValue(app.connection);
  const { view } = useValue(app.route);
  const { kind } = useValue(app.data);
  const timelineMode = useValue(app.timeline.mode);
  const content = useValue(app.content);
  const selected = useValue(app.selected);
  const theme = useValue(app.settings.theme);
  const palette = useValue(app.settings.palette);
  const density = useValue(app.settings.density);
  const mode = timelineMode === 'paused' || timelineMode === 'shifted' ? timelineMode : kind;
  const isOpen = String(view === 'markets' && selected !== null);
  useLayoutEffect(() => {
    Object.assign(app.page.document.documentElement.dataset, { state, view, mode, content, theme, palette, density, open: isOpen });
  });
}

/** What the browser's tab says, with how many alerts have fired. */
function useTitle(app, title) {
  const unseen = useValue(app.alerts.unseen);
  useLayoutEffect(() => {
    app.page.document.title = `${unseen > 0 ? `(${unseen}) ` : ''}${title && `${title} · `}pricecast`;
  }, [title, unseen]);
}

/** The first stop of the Tab key. */
function SkipLink() {
  const { document } = useApp().page;
  const skip = (event) => {
    event.preventDefault();
    (document.getElementById('grid') ?? document.getElementById('main')).focus();
  };
  return <a class="skip" href="#main" onClick={skip}>Skip to the content</a>;
}

function Nav() {
  const app = useApp();
  const { view } = useValue(app.route);
  return (
    <nav class="nav" aria-label="Views">
      {VIEWS.map(({ name, title }) => (
        <a key={name} href={app.route.href({ view: name, symbol: null })} aria-current={view === name ? 'page' : undefined}>{title}</a>
      ))}
    </nav>
  );
}

/** How the connection is; while it is well, what time is shown unless that is now. */
function Pill() {
  const app = useApp();
  const { state, pill } = useValue(app.connection);
  const clock = useClockWords(app);
  const isWell = state === 'live' && clock.pill !== '';
  return (
    <div class="pill" title={isWell ? `${clock.pill} ${clock.detail} · connection: ${pill}` : undefined}>
      <span class="dot" aria-hidden="true" /><span id="pill">{isWell ? clock.pill : pill}</span>
    </div>
  );
}

function Tools() {
  const app = useApp();
  const openDialog = (name) => () => { app.dialog.value = name; };
  return (
    <div class="tools">
      <AlertBell />
      <button type="button" class="icon helpButton" aria-label="Keys" title="Keys  ?" onClick={openDialog('keys')}><Icon name="help" /></button>
      <button type="button" class="icon" aria-label="Settings" title="Settings" onClick={openDialog('settings')}><Icon name="gear" /></button>
    </div>
  );
}

function Spoken() {
  return useValue(useApp().spoken);
}
