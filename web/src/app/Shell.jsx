import { useLayoutEffect } from 'preact/hooks';
import { Panel } from './Panel.jsx';
import { Alerts } from './Alerts.jsx';
import { Search } from './Search.jsx';
import { Timeline } from './Timeline.jsx';
import { Toasts } from './Toasts.jsx';
import { VIEWS } from './views.js';
import { useApp, useValue } from './context.js';

/** The frame around every view. */
export function Shell() {
  const app = useApp();
  const { view } = useValue(app.route);
  const { title, Component } = VIEWS.find(({ name }) => name === view);
  useRootData(app);
  useLayoutEffect(() => { app.page.document.title = view === 'markets' ? 'pricecast' : `${title} · pricecast`; }, [view]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        (app.page.document.getElementById('grid') ?? app.page.document.getElementById('main')).focus();
      }}>Skip to the content</a>
      <header class="top">
        <h1 class="brand"><img src="favicon.svg" alt="" width="24" height="24" />pricecast</h1>
        <Nav />
        <Search />
        <Pill />
      </header>
      <Info />
      <p id="spoken" class="unseen" role="status"><Spoken /></p>
      <main id="main" tabIndex={-1}>
        <Panel name={title} key={view}><Component /></Panel>
      </main>
      <footer class="foot">
        <Panel name="The timeline"><Timeline /></Panel>
        <About />
      </footer>
      <Panel name="Alerts"><Alerts /></Panel>
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
  const theme = useValue(app.settings.theme);
  const palette = useValue(app.settings.palette);
  const density = useValue(app.settings.density);
  const mode = timelineMode === 'paused' || timelineMode === 'shifted' ? timelineMode : kind;
  useLayoutEffect(() => {
    Object.assign(app.page.document.documentElement.dataset, { state, view, mode, content, theme, palette, density });
  });
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

function Pill() {
  const app = useApp();
  const { pill } = useValue(app.connection);
  return <div class="pill"><span class="dot" aria-hidden="true" /><span id="pill">{pill}</span></div>;
}

/** What the data is and what is wrong with it; the strip takes its place when the connection needs words. */
function Info() {
  const app = useApp();
  const { note, detail, action } = useValue(app.connection);
  const { text, clock } = useValue(app.data);
  const problems = useValue(app.problems);
  return (
    <div class="info">
      <p class="mode">
        <span id="badge" class="badge">{text}</span>
        <span id="clock" class="clock">{clock && `recorded ${clock}`}</span>
      </p>
      <p id="problems" class="problems" title={problems.join('\n')}>{problems.join(' · ')}</p>
      <div class="strip">
        <p><span id="note">{note}</span> <span id="detail" class="detail">{detail}</span></p>
        <button id="action" type="button" class="button" hidden={!action} onClick={() => app.feed.retry()}>{action}</button>
      </div>
    </div>
  );
}

function Spoken() {
  return useValue(useApp().spoken);
}

function About() {
  const { server, mode, epoch } = useValue(useApp().server);
  return (
    <p class="server">
      <span id="server">{server ? `${server} · ${mode}` : 'pricecast'}</span>
      <span id="epoch" class="epoch" title={epoch && `epoch ${epoch}`}>{epoch && `epoch ${epoch}`}</span>
    </p>
  );
}
