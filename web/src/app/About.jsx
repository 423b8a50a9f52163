/** What this is, and whose work is in it. */
import { useLayoutEffect, useState } from 'preact/hooks';
import { useApp, useValue } from './context.js';

/** The build's own mark: a hash of this very script. */
const BUILD = import.meta.url.match(/-([A-Z0-9]+)\.js$/)?.[1] ?? 'development';

const LINKS = [
  ['api/v1/status', 'Status, as JSON'], ['metrics', 'Metrics for Prometheus'], ['pricecast.js', 'The JavaScript client'],
  ['pricecast.d.ts', 'Its types'], ['api/v1/symbols', 'All symbols'],
];

export function About() {
  const app = useApp();
  const { server, mode, epoch } = useValue(app.server);
  return (
    <div class="page aboutView" tabIndex={0} role="region" aria-label="About">
      <div class="pageBox narrow">
        <header class="pageHead aboutHead">
          <img src="favicon.svg" alt="" width="48" height="48" />
          <div>
            <h2>pricecast</h2>
            <p class="muted">A server that broadcasts market data: live, simulated or recorded.</p>
          </div>
        </header>
        <dl class="facts">
          <div><dt>Server</dt><dd>{server || 'not connected'}</dd></div>
          <div><dt>Dashboard</dt><dd>build {BUILD}</dd></div>
          <div><dt>Protocol</dt><dd>pricecast.v1</dd></div>
          <div><dt>Data</dt><dd>{{ replay: 'a recording', sim: 'simulated', live: 'live sources' }[mode] ?? '—'}</dd></div>
          <div><dt>Epoch</dt><dd><code>{epoch || '—'}</code></dd></div>
        </dl>
        <ul class="links">{LINKS.map(([href, text]) => <li key={href}><a href={href} target="_blank" rel="noreferrer">{text}</a></li>)}</ul>
        <section class="block">
          <h3>Charts</h3>
          <p>Charts by <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer noopener">TradingView Lightweight Charts™</a>.
            Copyright © 2025 TradingView, Inc.</p>
        </section>
        <Licences />
      </div>
    </div>
  );
}

/** The very file that the build made of what is in the bundle. */
function Licences() {
  const { page } = useApp();
  const [state, setState] = useState({ text: '', fault: '' });
  useLayoutEffect(() => {
    const abort = new AbortController();
    page.fetch('licences.txt', { signal: abort.signal })
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`status ${answer.status}`))))
      .then((text) => setState({ text, fault: '' }), (error) => { if (!abort.signal.aborted) setState({ text: '', fault: error.message }); });
    return () => abort.abort();
  }, []);
  return (
    <section class="block" aria-labelledby="licencesTitle">
      <header class="blockHead"><h3 id="licencesTitle">Licences</h3><a href="licences.txt" target="_blank" rel="noreferrer">licences.txt</a></header>
      {state.fault ? <p class="failedLine">Could not be loaded: {state.fault}</p> : <pre id="licences" class="licences" tabIndex={0} aria-labelledby="licencesTitle">{state.text}</pre>}
    </section>
  );
}
