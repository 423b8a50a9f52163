/** Code that connects to this very server, and a try of it right here. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { connect } from '../../client/pricecast.js';
import { createSnippets, tokens } from '../core/snippets.js';
import { Icon } from './icons.jsx';
import { useApp, useValue } from './context.js';

const COPIED_MS = 1600;
const TRY_MS = 10_000;
const SHOWN_ITEMS = 2; // of the first message

export function Connect() {
  const app = useApp();
  const { params, symbol: routed } = useValue(app.route);
  const selected = useValue(app.selected);
  const symbol = params.for !== undefined ? params.for : (routed ?? selected?.symbol ?? '');
  const pageUrl = new URL('.', app.page.location.href).href;
  const snippets = useMemo(() => createSnippets({ pageUrl, symbol: symbol || null }), [pageUrl, symbol]);
  const chosen = snippets.find(({ name }) => name === params.lang) ?? snippets[0];
  return (
    <div class="page connectView" tabIndex={0} role="region" aria-label="Connect">
      <div class="pageBox narrow">
        <header class="pageHead">
          <h2>Connect your own code</h2>
          <p class="muted">One port, JSON over WebSocket. Prices are exact decimal strings, times are µs since 1970. <a href="pricecast.d.ts" target="_blank" rel="noreferrer">Types of the JavaScript client</a></p>
        </header>
        <div class="connectBar">
          <label class="field"><span>Symbol</span>
            <input id="connectSymbol" value={symbol} placeholder="* (all)" list="connectSymbols" autocomplete="off" spellcheck={false} maxLength={128}
              onInput={({ currentTarget }) => app.route.go({ params: { for: currentTarget.value } })} /></label>
          <datalist id="connectSymbols">{[...new Set([...app.store.rows.values()].map((row) => row.symbol))].sort().slice(0, 1000).map((name) => <option key={name} value={name} />)}</datalist>
          <Tabs snippets={snippets} chosen={chosen} onChoose={(name) => app.route.go({ params: { lang: name } })} />
        </div>
        <Snippet key={chosen.name} {...chosen} />
        <Try symbol={symbol || '*'} />
      </div>
    </div>
  );
}

/** Arrow keys walk the tabs, as in any tab list. */
function Tabs({ snippets, chosen, onChoose }) {
  const list = useRef();
  const walk = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (snippets.indexOf(chosen) + step + snippets.length) % snippets.length;
    onChoose(snippets[at].name);
    list.current.children[at].focus();
  };
  return (
    <div ref={list} class="segments" role="tablist" aria-label="Language" onKeyDown={walk}>
      {snippets.map(({ name, title }) => (
        <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={name === chosen.name} aria-controls="snippet"
          tabIndex={name === chosen.name ? 0 : -1} onClick={() => onChoose(name)}>{title}</button>
      ))}
    </div>
  );
}

function Snippet({ name, title, file, needs, run, code }) {
  return (
    <div id="snippet" role="tabpanel" aria-labelledby={`tab-${name}`} class="snippet">
      <Code title={file || title} code={code} language={name} />
      {run && <Code title="then" code={run} language="shell" />}
      {needs && <p class="muted needs">Needs: {needs}</p>}
    </div>
  );
}

function Code({ title, code, language }) {
  const pre = useRef();
  const text = code.replace(/\n$/, '');
  return (
    <figure class="code">
      <figcaption><span>{title}</span><Copy text={text} source={pre} label={`Copy ${title}`} /></figcaption>
      <pre ref={pre} tabIndex={0} aria-label={title}><code>{tokens(text, language === 'shell' ? 'curl' : language).map(({ kind, text: part }, at) => (
        kind ? <span key={at} class={kind}>{part}</span> : part))}</code></pre>
    </figure>
  );
}

/** Browsers give the clipboard to secure pages only; elsewhere the text is selected, to be copied by hand. */
function Copy({ text, source, label }) {
  const app = useApp();
  const [said, setSaid] = useState('');
  useLayoutEffect(() => {
    if (!said) return undefined;
    const timer = app.page.setTimeout(() => setSaid(''), COPIED_MS);
    return () => app.page.clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await app.page.navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      app.page.getSelection().selectAllChildren(source.current);
      setSaid(app.page.document.execCommand('copy') ? 'Copied' : 'Selected');
    }
    app.say('Copied');
  };
  return <button type="button" class="button copy" aria-label={label} onClick={copy}><Icon name={said ? 'check' : 'copy'} />{said || 'Copy'}</button>;
}

/** A second connection of this page, for a moment: what it gets is what the code above would get. */
function Try({ symbol }) {
  const app = useApp();
  const [lines, setLines] = useState(null);
  const running = useRef(null);
  useLayoutEffect(() => () => running.current?.(), []);
  useLayoutEffect(() => { running.current?.(); setLines(null); }, [symbol]);
  const start = () => {
    running.current?.();
    const feed = connect(app.socketUrl, { reconnect: false, page: null });
    const seen = [];
    const show = (line) => setLines([...seen, ...(line ? [line] : [])]);
    const timer = app.page.setTimeout(() => end(`Nothing for ${TRY_MS / 1000} s. The subscription stands; this symbol may be quiet, or not exist.`), TRY_MS);
    const end = (words) => {
      app.page.clearTimeout(timer);
      running.current = null;
      feed.close();
      if (words) show({ note: words });
    };
    running.current = () => end('');
    const say = (message) => { seen.push({ text: JSON.stringify(message) }); show({ note: '…' }); };
    feed.on('hello', ({ isNewEpoch, ...hello }) => say(hello));
    feed.on('subscribed', say);
    feed.on('items', ({ items, isSnapshot }) => {
      if (items.length === 0) return;
      say({ type: isSnapshot ? 'snapshot' : 'update', data: items.slice(0, SHOWN_ITEMS) });
      end(items.length > SHOWN_ITEMS ? `and ${items.length - SHOWN_ITEMS} more in this message` : 'That was the first message with prices.');
    });
    feed.on('state', ({ to, reason }) => { if (to === 'closed' && running.current) end(`The connection ended: ${reason}`); });
    feed.subscribe([symbol]);
    show({ note: 'Connecting…' });
  };
  return (
    <section class="try" aria-labelledby="tryTitle">
      <header class="blockHead">
        <h3 id="tryTitle">The first messages</h3>
        <button type="button" id="try" class="button primary" onClick={start}>Connect and see</button>
      </header>
      <div id="tried" class="tried" aria-live="polite">
        {lines === null ? <p class="muted">Opens a connection from this page, subscribes to <code>{symbol}</code> and shows what comes.</p>
          : lines.map(({ text, note }, at) => (text ? <pre key={at}><code>{text}</code></pre> : <p key={at} class="muted">{note}</p>))}
      </div>
    </section>
  );
}
