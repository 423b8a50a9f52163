import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { fileName, tradesCsv } from '../core/csv.js';
import { formatCount } from '../core/format.js';
import { describeDeafness } from '../core/status.js';
import { createTape, createTapeFilter, TAPE_MAX } from '../core/tape.js';
import { createTapeList } from '../hot/tape.js';
import { useApp, useValue } from './context.js';
import { saveFile } from './save.js';

const COLUMNS = ['time', 'symbol', 'source', 'price', 'size', 'side'];
const TITLES = { time: 'Time (UTC)', symbol: 'Symbol', source: 'Source', price: 'Price', size: 'Size', side: 'Side' };
const SIDES = [['', 'All'], ['buy', 'Buys'], ['sell', 'Sells']];

/** Every trade as it comes, as far as the connection takes them. */
export function Tape() {
  const app = useApp();
  const { params } = useValue(app.route);
  const [tape] = useState(() => createTape());
  const scroller = useRef();
  const body = useRef();
  const list = useRef();
  const [hold, setHold] = useState({ isHeld: false, behind: 0 });
  const [isPinned, setPinned] = useState(false);
  const [counts, setCounts] = useState({ kept: 0, matching: 0, skipped: 0 });
  const { tq: text = '', side = '', min: sizeMin = '' } = params;

  useLayoutEffect(() => {
    list.current = createTapeList({
      scroller: scroller.current, body: body.current, tape, columns: COLUMNS, onHold: setHold,
      onPick: ({ symbol, source }) => app.route.go({ view: 'markets', symbol, source }),
    });
    const drawer = app.frame.add(list.current.draw);
    const ends = [
      app.timeline.on('items', ({ items, isSnapshot }) => {
        if (isSnapshot) return; // how things stood, not what happened
        tape.take(items);
        drawer.markNews();
      }),
      app.timeline.on('reset', () => { tape.clear(); drawer.mark(); }),
      app.timeline.on('hello', ({ hello }) => {
        if (!hello.isNewEpoch) return;
        tape.mark('The server began anew');
        drawer.mark();
      }),
      app.timeline.on('gap', ({ gap }) => {
        tape.mark(gap.lost > 0 ? `${formatCount(gap.lost)} events lost` : 'Some events were not seen');
        drawer.mark();
      }),
      app.onTick(() => {
        const now = { kept: tape.entries.length, matching: tape.matching.length, skipped: tape.skipped };
        setCounts((old) => (Object.keys(now).every((name) => old[name] === now[name]) ? old : now));
      }),
      drawer.end,
    ];
    app.interest.tape(['*']);
    return () => {
      app.interest.tape(null);
      for (const end of ends) end();
      list.current.end();
    };
  }, []);

  useLayoutEffect(() => {
    tape.setFilter(createTapeFilter({ text, side, sizeMin }));
    list.current.toTop();
  }, [text, side, sizeMin]);

  const pin = (isOn) => {
    setPinned(isOn);
    list.current.pin(isOn);
  };
  const save = () => saveFile(`${fileName('pricecast', 'trades')}.csv`, tradesCsv(tape.matching));
  const isFiltered = text !== '' || side !== '' || sizeMin !== '';
  const set = (patch) => app.route.go({ params: patch });

  return (
    <section class="tapeView panel" aria-label="Tape">
      <div class="tapeBar">
        <input type="search" class="tapeFilter" placeholder="Symbol or source" aria-label="Show only these symbols or sources" value={text}
          autocomplete="off" autocapitalize="off" spellcheck={false} onInput={({ currentTarget }) => set({ tq: currentTarget.value })} />
        <div class="segments" role="group" aria-label="Side">
          {SIDES.map(([name, title]) => <button key={name} type="button" aria-pressed={side === name} onClick={() => set({ side: name })}>{title}</button>)}
        </div>
        <label class="tapeMin">Size from <input type="text" inputmode="decimal" value={sizeMin} autocomplete="off" placeholder="any"
          aria-invalid={sizeMin !== '' && createTapeFilter({ sizeMin }) === null} onInput={({ currentTarget }) => set({ min: currentTarget.value })} /></label>
        <div class="tapeTools">
          <button type="button" class="button" aria-pressed={isPinned} onClick={() => pin(!isPinned)}>{isPinned ? 'Go on' : 'Hold'}</button>
          <button type="button" class="button" disabled={counts.matching === 0} onClick={save}>CSV</button>
        </div>
      </div>
      <div ref={scroller} class="tapeScroll" role="table" aria-label="Trades, newest first" aria-rowcount={counts.matching + 1} tabIndex={0}>
        <div class="tapeHead trade" role="row" aria-rowindex={1}>
          {COLUMNS.map((name) => <div key={name} class={name} role="columnheader">{TITLES[name]}</div>)}
        </div>
        <div ref={body} class="tapeBody" role="rowgroup" />
      </div>
      {counts.matching === 0 && (
        <div class="empty tapeEmpty">
          {isFiltered && counts.kept > 0
            ? <><p class="emptyTitle">No trade matches</p><p>{formatCount(counts.kept)} others are kept.</p></>
            : <NoTrades />}
          {isFiltered && <button type="button" class="button" onClick={() => set({ tq: '', side: '', min: '' })}>Show all</button>}
        </div>
      )}
      {hold.isHeld && (
        <button type="button" class="button primary tapeNewer" onClick={() => pin(false)}>
          {hold.behind > 0 ? `${formatCount(hold.behind)} newer` : 'Held'}
        </button>
      )}
      <p class="tapeFoot">
        <span>{isFiltered ? `${formatCount(counts.matching)} of ${formatCount(counts.kept)} trades` : `${formatCount(counts.kept)} trades`}, the newest {formatCount(TAPE_MAX)} are kept</span>
        {counts.skipped > 0 && <span class="muted" title="The server merged these into later ones, because they came faster than this page takes them">{formatCount(counts.skipped)} passed over</span>}
      </p>
    </section>
  );
}

function NoTrades() {
  const { state } = useValue(useApp().connection);
  const deafness = describeDeafness(state);
  return (
    <>
      <p class="emptyTitle">{deafness || 'No trades yet'}</p>
      <p>{deafness ? 'Trades appear here as this page hears of them.' : 'They appear here as they happen. Quotes are on the Markets page.'}</p>
    </>
  );
}
