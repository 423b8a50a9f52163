import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { createSymbol } from '../hot/symbol.js';
import { createHero, quoteInWords } from '../hot/quotePanel.js';
import { Chart } from './Chart.jsx';
import { Panel } from './Panel.jsx';
import { Quote } from './Quote.jsx';
import { Trades } from './Trades.jsx';
import { useApp, useValue } from './context.js';
import { SymbolContext } from './symbol.js';

const SWIPE_PX = 60;

/** The symbol that is open: header, chart, quote, trades. On a phone it is a sheet over the list. */
export function Detail() {
  const app = useApp();
  const { symbol, source } = useValue(app.selected) ?? { symbol: '', source: null };
  const sources = useSources(app, symbol);
  // With one source everything of the symbol is shown, so that nothing starts again when it is known.
  const shown = sources.length > 1 ? (sources.includes(source) ? source : sources[0]) : undefined;
  return <SymbolPanel key={JSON.stringify([symbol, shown])} symbol={symbol} source={shown} sources={sources} />;
}

function SymbolPanel({ symbol, source, sources }) {
  const app = useApp();
  const [view] = useState(() => createSymbol({ app, symbol, source }));
  view.sources = sources;
  const head = useRef();
  useLayoutEffect(() => {
    const stopDrawing = view.onDraw(createHero(head.current, { app, view }));
    const removeKeys = app.keys.add(
      { key: 'q', title: 'Speak the quote', group: 'Symbol', run: () => app.say(quoteInWords(view)) },
      { key: 'n', title: 'Next symbol', group: 'Symbol', run: () => step(app, symbol, 1) },
      { key: 'p', title: 'Previous symbol', group: 'Symbol', run: () => step(app, symbol, -1) },
    );
    return () => {
      leaveFocus(app.page, head.current);
      stopDrawing();
      removeKeys();
      view.end();
    };
  }, []);
  return (
    <SymbolContext.Provider value={view}>
      <section class="instrument" aria-label={`Symbol ${symbol}`} {...useSwipe((way) => step(app, symbol, way))}>
        <header ref={head} class="detailHead" data-move="same">
          <button type="button" class="icon back" aria-label="Back to the list" onClick={() => close(app)}>‹</button>
          <div class="detailName">
            <h2 title={symbol}><bdi>{symbol}</bdi></h2>
            {sources.length > 1 ? <Sources symbol={symbol} source={source} sources={sources} />
              : <span class="detailSource"><bdi>{sources[0]}</bdi></span>}
          </div>
          <p class="hero">
            <span class="heroPrice" data-price />
            <span class="heroMore">
              <span class="heroMove">
                <span class="glyph" data-cell="glyph" aria-hidden="true" /><span data-cell="change" /> <span data-cell="percent" />
              </span>
              <span class="heroNote"><span data-cell="since" /> <span data-cell="kind" /> <span class="heroState" data-cell="state" /></span>
            </span>
          </p>
          <Tools symbol={symbol} />
        </header>
        <Panel name="The chart"><Chart /></Panel>
        <div class="instrumentSide">
          <Panel name="The quote"><Quote /></Panel>
          <Panel name="The trades"><Trades /></Panel>
        </div>
      </section>
    </SymbolContext.Provider>
  );
}

function Sources({ symbol, source, sources }) {
  const app = useApp();
  return (
    <span class="segments sources" role="group" aria-label="Source">
      {sources.map((name) => (
        <button key={name} type="button" aria-pressed={name === source} title={name}
          onClick={() => app.open({ symbol, source: name })}><bdi>{name}</bdi></button>
      ))}
    </span>
  );
}

function Tools({ symbol }) {
  const app = useApp();
  const isStarred = useValue(app.starred).has(symbol);
  const alertCommand = app.keys.list().find(({ key }) => key === 'a');
  return (
    <div class="instrumentTools">
      <button type="button" class="icon stepper" aria-label="Previous symbol" title="Previous symbol (p)" onClick={() => step(app, symbol, -1)}>↑</button>
      <button type="button" class="icon stepper" aria-label="Next symbol" title="Next symbol (n)" onClick={() => step(app, symbol, 1)}>↓</button>
      <button type="button" class="icon" aria-label="Star" title="Star (s)" aria-pressed={isStarred} onClick={() => app.toggleStar(symbol)}>{isStarred ? '★' : '☆'}</button>
      {alertCommand && (
        <button type="button" class="icon" aria-label="New alert" title="New alert (a)" onClick={() => alertCommand.run()}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4zM6.5 13.5a1.5 1.5 0 0 0 3 0" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" /></svg>
        </button>
      )}
      <button type="button" class="icon shut" aria-label="Close the symbol" title="Close (Esc)" onClick={() => close(app)}>✕</button>
    </div>
  );
}

function close(app) {
  app.open(null);
}

/** What had the focus goes away with the panel: the list gets it, unless another symbol follows. */
function leaveFocus({ document }, head) {
  if (!head.parentElement.contains(document.activeElement)) return;
  requestAnimationFrame(() => { if (!document.querySelector('.instrument')) document.getElementById('grid')?.focus(); });
}

/** The next of those in the list, in its order. */
function step(app, symbol, way) {
  const symbols = [...new Map(app.listedRows().map((row) => [row.symbol, row])).values()];
  const at = symbols.findIndex((row) => row.symbol === symbol);
  const next = symbols[(Math.max(at, way > 0 ? at : 0) + way + symbols.length) % symbols.length];
  if (next && next.symbol !== symbol) app.open(next);
}

/** The symbol's sources, by name; looked for when rows came or went. */
function useSources(app, symbol) {
  const [sources, setSources] = useState([]);
  useLayoutEffect(() => {
    let membership = -1;
    const look = () => {
      if (membership === app.store.membership) return;
      membership = app.store.membership;
      const found = (app.store.bySymbol.get(symbol) ?? []).map(({ source }) => source).sort();
      setSources((old) => (old.join('\n') === found.join('\n') ? old : found));
    };
    look();
    return app.onTick(look);
  }, [symbol]);
  return sources;
}

/** A finger that goes sideways over the header leads to the next symbol. */
function useSwipe(onSwipe) {
  const start = useRef(null);
  return {
    onTouchStart: ({ touches, target }) => {
      start.current = touches.length === 1 && target.closest('.detailHead') ? { x: touches[0].clientX, y: touches[0].clientY } : null;
    },
    onTouchEnd: ({ changedTouches: [touch] }) => {
      if (!start.current) return;
      const [x, y] = [touch.clientX - start.current.x, touch.clientY - start.current.y];
      start.current = null;
      if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y)) onSwipe(x < 0 ? 1 : -1);
    },
  };
}
