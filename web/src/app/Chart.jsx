import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { INTERVALS } from '../core/candles.js';
import { describeBar, describeBars, describeNoBars } from '../core/barText.js';
import { createCode } from '../core/code.js';
import { barsCsv, fileName } from '../core/csv.js';
import { createLegend } from '../hot/legend.js';
import { readTokens, watchTheme } from '../hot/theme.js';
import { BarsTable } from './BarsTable.jsx';
import { useApp, useValue } from './context.js';
import { saveFile } from './save.js';
import { useSymbol } from './symbol.js';

const chartCode = createCode(() => import('../hot/chart.js'));

const TYPES = [
  { name: 'candles', title: 'Candles', path: 'M5 2v3M5 11v3M3 5h4v6H3zM11 1v4M11 10v4M9 5h4v5H9z' },
  { name: 'line', title: 'Line', path: 'M1 12l4-5 3 3 6-7' },
  { name: 'area', title: 'Area', path: 'M1 12l4-5 3 3 6-7v11H1z' },
];
/** What is in view, and the bars that show it well. */
const RANGES = [
  { name: '5m', title: '5 minutes', seconds: 300, interval: '1s' },
  { name: '30m', title: '30 minutes', seconds: 1800, interval: '5s' },
  { name: '6h', title: '6 hours', seconds: 21_600, interval: '1m' },
  { name: '1d', title: '1 day', seconds: 86_400, interval: '5m' },
  { name: '1w', title: '1 week', seconds: 604_800, interval: '1h' },
  { name: 'all', title: 'All that is known', seconds: Infinity },
];
const CREDIT = 'Charts by TradingView Lightweight Charts™';
const CREDIT_URL = 'https://www.tradingview.com/';
const FEW_BARS = 12; // of minutes: seconds say more, unless the reader wanted minutes
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 };

/** Candles, volume and gaps of the open symbol, with what belongs around them. */
export function Chart() {
  const app = useApp();
  const view = useSymbol();
  const { params } = useValue(app.route);
  const chosen = useValue(app.settings.chart);
  const host = useRef();
  const legend = useRef();
  const chart = useRef(null);
  const [status, setStatus] = useState({ status: 'loading', error: null, count: 0 });
  const [isFollowing, setFollowing] = useState(true);
  const [summary, setSummary] = useState('');
  const [hasFewMinutes, setFewMinutes] = useState(false);
  const isTable = chosen.table === true;
  const type = TYPES.some(({ name }) => name === chosen.type) ? chosen.type : 'candles';
  const wanted = INTERVALS.some(({ name }) => name === params.i) ? params.i : chosen.interval;
  const interval = INTERVALS.some(({ name }) => name === wanted) ? wanted : (hasFewMinutes ? '1s' : '1m');

  const setInterval_ = (name) => {
    app.settings.chart.value = { ...app.settings.chart.peek(), interval: name };
    app.route.go({ params: { i: name, r: '' } });
  };
  const showRange = ({ name, seconds, interval: best }) => {
    app.route.go({ params: { r: name, i: best ?? interval } });
    chart.current?.show(seconds, best !== undefined && best !== interval);
  };
  const follow = () => chart.current?.follow();

  useLayoutEffect(() => { view.candles.open(view.symbol, interval); }, [interval]);
  useLayoutEffect(() => app.moment.subscribe(fitInterval), [interval]);
  useLayoutEffect(() => fitInterval(app.moment.peek()), []);
  useLayoutEffect(() => { chart.current?.setType(type); }, [type]);

  useLayoutEffect(() => {
    let isOver = false;
    const ends = [];
    load();
    return () => {
      isOver = true;
      for (const end of ends) end();
      chart.current?.destroy();
      chart.current = null;
    };

    async function load() {
      try {
        const { createPriceChart } = await chartCode.fetch(app);
        if (!isOver) begin(createPriceChart);
      } catch (error) {
        if (!isOver) setStatus({ status: 'broken', error, count: 0 });
      }
    }

    function begin(createPriceChart) {
      const write = createLegend(legend.current, { view });
      const made = createPriceChart(host.current, {
        onCrosshair: (bar, before) => write.point(bar, before),
        onNeedOlder: () => view.candles.loadOlder(),
        onFollow: setFollowing,
      });
      chart.current = made;
      host.current.priceChart = made; // for tests and for curious people
      const look = () => { made.setTokens(readTokens(host.current)); };
      look();
      made.setType(app.settings.chart.peek().type ?? 'candles');
      const range = RANGES.find(({ name }) => name === app.route.peek().params.r);
      if (range) made.show(range.seconds);
      let shown = '';
      ends.push(
        watchTheme(look),
        app.settings.theme.subscribe(() => requestAnimationFrame(look)),
        app.settings.palette.subscribe(() => requestAnimationFrame(look)),
        view.onBars(() => {
          made.setCandles(view.candles.candles);
          made.draw();
        }),
        view.onDraw((at) => {
          const { candles } = view;
          made.setCandles(candles.candles);
          made.setGaps(candles.gaps);
          made.setEdge(edgeOf(app, view, at));
          made.setTitle(countdown(app, candles));
          made.draw();
          const span = app.moment.peek();
          if (span && candles.status === 'ready' && candles.interval.seconds * 1e6 <= Math.max(1e6, span.to - span.from)) {
            app.moment.value = null;
            if (!made.showSpan(span.from, span.to)) app.toast({ text: 'That is before the first bar of this symbol' });
          }
          write.draw();
          const { status: is, error, candles: { bars, kind } } = candles;
          const text = `${is} ${error?.message} ${bars.length > 0} ${kind}`;
          if (text === shown) return;
          shown = text;
          setStatus({ status: is, error, count: bars.length, kind });
          setSummary(describeBars({ symbol: view.symbol, interval: candles.interval, candles: candles.candles }));
          if (is === 'ready' && bars.length < FEW_BARS) setFewMinutes(true);
        }),
      );
    }
  }, []);

  useLayoutEffect(() => app.keys.add(
    ...INTERVALS.map(({ name, title }, at) => ({ key: String(at + 1), title: `Bars of ${title}`, group: 'Chart', run: () => setInterval_(name) })),
    { key: 'f', title: 'Follow the newest bar', group: 'Chart', run: follow },
    { title: 'Show the bars as a table', group: 'Chart', run: toggleTable },
    { title: 'Save the chart as a picture', group: 'Chart', run: savePicture },
    { title: 'Save the bars as CSV', group: 'Chart', run: saveBars },
    ...TYPES.map(({ name, title }) => ({ title: `Draw as ${title.toLowerCase()}`, group: 'Chart', run: () => choose({ type: name }) })),
  ), []);

  /** A span that is to be shown has to be wider than a bar. */
  function fitInterval(span) {
    if (!span) return;
    const seconds = (span.to - span.from) / 1e6;
    const fitting = INTERVALS.filter((each) => each.seconds <= Math.max(1, seconds)).at(-1);
    if (fitting.seconds < INTERVALS.find(({ name }) => name === interval).seconds) setInterval_(fitting.name);
    view.mark();
  }

  function choose(patch) {
    app.settings.chart.value = { ...app.settings.chart.peek(), ...patch };
  }

  function toggleTable() {
    choose({ table: !app.settings.chart.peek().table });
  }

  function savePicture() {
    const made = chart.current;
    if (!made) return;
    const { candles: it, symbol } = view;
    const last = it.candles.bars.at(-1);
    const canvas = made.picture({
      title: `${symbol}  ${it.interval.name}`,
      detail: last ? describeBar(last, it.candles.span) : '',
      credit: `pricecast · ${CREDIT} · times in UTC`,
    });
    canvas.toBlob((blob) => saveFile(`${fileName('pricecast', symbol, it.interval.name)}.png`, blob));
  }

  function saveBars() {
    const { candles: it, symbol } = view;
    saveFile(`${fileName('pricecast', symbol, it.interval.name)}.csv`, barsCsv(it.candles.bars));
  }

  /** Bar by bar, and spoken, for those who do not use a pointer. */
  function onKeyDown(event) {
    const made = chart.current;
    if (!made || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) say(made.moveCursor(STEPS[event.key] * (event.shiftKey ? 10 : 1)));
    else if (event.key === 'Home') say(made.moveCursor(-Infinity));
    else if (event.key === 'End') say(made.moveCursor(Infinity));
    else if (event.key === '+' || event.key === '=') made.zoom(1.25);
    else if (event.key === '-') made.zoom(0.8);
    else if (event.key === 'Escape' && made.leaveCursor()) { /* and the panel stays open */ } else return;
    event.preventDefault();
  }

  function say(bar) {
    if (bar) app.say(describeBar(bar, view.candles.candles.span));
  }

  return (
    <section class="chart" aria-label="Chart">
      <div class="chartBar">
        <div class="segments" role="group" aria-label="Interval">
          {INTERVALS.map(({ name, title }, at) => (
            <button key={name} type="button" aria-pressed={name === interval} title={`${title} (${at + 1})`} onClick={() => setInterval_(name)}>{name}</button>
          ))}
        </div>
        <div class="segments types" role="group" aria-label="Drawn as">
          {TYPES.map(({ name, title, path }) => (
            <button key={name} type="button" aria-pressed={name === type} aria-label={title} title={title} onClick={() => choose({ type: name })}>
              <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d={path} fill={name === 'area' ? 'currentColor' : 'none'} fill-opacity="0.3" stroke="currentColor" stroke-width="1.3" stroke-linejoin="round" /></svg>
            </button>
          ))}
        </div>
        <div class="chartTools">
          <button type="button" class="icon" aria-pressed={isTable} aria-label="Table of bars" title="Table of bars" onClick={toggleTable}>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M2 3h12v10H2zM2 6.5h12M2 10h12M6.5 3v10" fill="none" stroke="currentColor" stroke-width="1.2" /></svg>
          </button>
          <SaveMenu items={[['Picture (PNG)', savePicture], ['Bars (CSV)', saveBars]]} />
        </div>
      </div>
      <div class="chartBox">
        <div ref={host} class="chartHost" tabIndex={0} role="group" aria-roledescription="chart" aria-label={`Chart of ${view.symbol}`}
          aria-describedby="chartSummary chartKeys" aria-keyshortcuts="ArrowLeft ArrowRight + -"
          onKeyDown={onKeyDown} onBlur={() => chart.current?.leaveCursor()}
          onFocus={() => setSummary(describeBars({ symbol: view.symbol, interval: view.candles.interval, candles: view.candles.candles }))} />
        <p ref={legend} class="legend" aria-hidden="true" hidden>
          <span data-cell="time" />
          {['open', 'high', 'low', 'close'].map((name) => <span key={name}><b>{name[0].toUpperCase()}</b> <span data-cell={name} /></span>)}
          <i class="break" />
          <span data-volume><b>V</b> <span data-cell="volume" /></span>
          <span class="legendChange" data-cell="change" />
          <span class="legendNote" data-cell="note" />
        </p>
        <span class="zone" aria-hidden="true">UTC</span>
        <Status {...status} onRetry={() => view.candles.retry()} />
        {!isFollowing && status.count > 0 && <button type="button" class="button toNow" title="Follow (f)" onClick={follow}>Newest ⇥</button>}
        {isTable && <BarsTable />}
      </div>
      <p id="chartSummary" class="unseen">{summary}</p>
      <p id="chartKeys" class="unseen">Arrow keys go from bar to bar, plus and minus zoom.</p>
      <div class="chartFoot">
        <div class="segments ranges" role="group" aria-label="In view">
          {RANGES.map((range) => (
            <button key={range.name} type="button" aria-pressed={params.r === range.name} title={range.title} onClick={() => showRange(range)}>{range.name}</button>
          ))}
        </div>
        <p class="chartNote"><a href={CREDIT_URL} target="_blank" rel="noreferrer">{CREDIT}</a></p>
      </div>
    </section>
  );
}

/** Instead of bars. */
function Status({ status, error, count, onRetry }) {
  const app = useApp();
  const { state: connection } = useValue(app.connection);
  const mode = useValue(app.timeline.mode);
  if (status === 'broken') {
    return <div class="chartStatus" role="alert"><p class="emptyTitle">The chart could not be loaded</p><p>{error.message}</p></div>;
  }
  if (count > 0 && status !== 'error') return null;
  const { title, text, canAsk } = describeNoBars({ status, error, connection, isPast: mode === 'paused' || mode === 'shifted' });
  return (
    <div class={title ? 'chartStatus' : 'chartStatus loading'} role={canAsk ? 'alert' : undefined}>
      {title && <p class="emptyTitle">{title}</p>}
      <p>{text}</p>
      {canAsk && <button type="button" class="button" onClick={onRetry}>Ask now</button>}
    </div>
  );
}

/** A button with a short list under it; Esc and a click elsewhere close it. */
function SaveMenu({ items }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef();
  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    root.current.querySelector('.menuList button').focus();
    const away = ({ target }) => { if (!root.current.contains(target)) setOpen(false); };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [isOpen]);
  const shut = () => {
    setOpen(false);
    root.current.querySelector('button').focus();
  };
  return (
    <div ref={root} class="menu" onKeyDown={(event) => {
      if (event.key === 'Escape' && isOpen) {
        event.preventDefault();
        shut();
      }
    }}>
      <button type="button" class="icon" aria-label="Save" title="Save" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" /></svg>
      </button>
      {isOpen && (
        <div class="menuList">
          {items.map(([title, run]) => <button key={title} type="button" onClick={() => { shut(); run(); }}>{title}</button>)}
        </div>
      )}
    </div>
  );
}

/** Why the right edge is hatched: what comes next is not known. */
function edgeOf(app, view, at) {
  const { state } = app.feed;
  if (state === 'reconnecting' || state === 'closed' || state === 'stalled') return { label: state === 'closed' ? 'disconnected' : state, isLost: true };
  const { row } = view;
  const is = row ? app.store.stateOf(row, at) : 'live';
  if (is === 'stale') return { label: 'no news', isLost: false };
  if (is === 'ended') return { label: 'ended', isLost: false };
  return null;
}

/** How long the last bar goes on, for bars that one waits for. */
function countdown(app, { candles: { bars, span }, status }) {
  const last = bars.at(-1);
  if (!last || span < 15e6 || status !== 'ready' || app.feed.state !== 'live') return '';
  const left = Math.ceil((last.time + span - app.timeline.nowUs()) / 1e6);
  if (!(left > 0) || left > span / 1e6) return '';
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const pad = (number) => String(number).padStart(2, '0');
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
}
