import { useLayoutEffect, useRef } from 'preact/hooks';
import { ListTabs } from './ListTabs.jsx';
import { lazy } from './lazy.jsx';
import { Panel } from './Panel.jsx';
import { createMarkets } from '../hot/markets.js';
import { COLUMNS, formatSort, nextSort } from '../core/columns.js';
import { formatCount, formatRatio } from '../core/format.js';
import { sortOf } from '../core/lists.js';
import { signal } from '../core/signal.js';
import { useApp, useValue } from './context.js';

const Detail = lazy(async () => (await import('./Detail.jsx')).Detail);

const SKELETON_ROWS = 14;

/** The list of all markets, and beside it (on a phone: over it) the one that is open. */
export function Markets() {
  const app = useApp();
  const selected = useValue(app.selected);
  const isWide = useValue(app.isWide);
  const isWanted = useValue(app.settings.detail);
  const isAwaited = !selected && isWide && isWanted; // its room is kept, so that nothing moves
  return (
    <div class={selected || isAwaited ? 'markets withDetail' : 'markets'}>
      <Panel name="The market list"><List /></Panel>
      {selected && <Panel name="The symbol panel"><Detail /></Panel>}
      {isAwaited && <section class="detailRoom" aria-hidden="true" />}
    </div>
  );
}

function List() {
  const app = useApp();
  const gridRef = useRef();
  const bodyRef = useRef();
  const shown = useRef();
  shown.current ??= signal({ columns: [], count: 0, isHeld: false });
  const { columns } = useValue(shown.current);
  useLayoutEffect(() => {
    const markets = createMarkets({ app, grid: gridRef.current, body: bodyRef.current, shown: shown.current });
    return markets.end;
  }, []);
  return (
    <section class="list" aria-label="Markets">
      <ListTabs />
      <div class="gridBox">
        <div ref={gridRef} id="grid" class="grid" role="grid" tabIndex={0} aria-label="Prices"
          aria-colcount={columns.length} aria-rowcount={1}>
          <div class="head" role="rowgroup"><Head columns={columns} /></div>
          <div ref={bodyRef} id="rows" class="rows" role="rowgroup" />
        </div>
        <Skeleton columns={columns} />
        <Empty shown={shown.current} />
      </div>
      <Counts shown={shown.current} />
    </section>
  );
}

function Head({ columns }) {
  const { route } = useApp();
  const { params } = useValue(route);
  const sort = sortOf(params);
  const sortBy = (name) => route.go({ params: { sort: formatSort(nextSort(sort, name)) || (params.l === 'movers' ? 'symbol' : '') } });
  const column = sort.column === 'move' ? 'percent' : sort.column;
  return (
    <div class="row" role="row" aria-rowindex={1}>
      {columns.map((name, at) => {
        const { title, head = title, hint = title, isText, isFixed } = COLUMNS[name];
        return (
          <div key={name} class={isText ? name : `${name} num`} role="columnheader" aria-colindex={at + 1} data-column={name}
            aria-sort={column === name ? (sort.descending ? 'descending' : 'ascending') : undefined}>
            {isFixed ? <span title={hint}>{head}</span>
              : <button type="button" aria-label={/\w/.test(head) ? undefined : title} title={hint} onClick={() => sortBy(name)}>{head}</button>}
          </div>
        );
      })}
    </div>
  );
}

function Counts({ shown }) {
  const app = useApp();
  const { count, isHeld } = useValue(shown);
  const { symbols, eventsPerS, itemsPerS } = useValue(app.counts);
  const all = `${formatCount(symbols)} ${symbols === 1 ? 'symbol' : 'symbols'}`;
  return (
    <p class="counts">
      <span id="count">{count === symbols ? all : `${formatCount(count)} of ${all}`}</span>
      <span id="rate" class="rate" title="Trades and quotes that happened at the sources">{`${formatCount(eventsPerS)} updates/s`}</span>
      <span id="ratio" class="ratio" title={`${formatCount(itemsPerS)} a second reach this page: of each stream the newest. So many became one.`}>
        {itemsPerS > 0 ? formatRatio(Math.max(1, eventsPerS / itemsPerS)) : ''}
      </span>
      <span class="spring" />
      <span id="held" class="held" hidden={!isHeld}
        title="Rows stay where they are while you point at the table or move in it. Esc lets go.">Order held</span>
    </p>
  );
}

function Skeleton({ columns }) {
  const app = useApp();
  if (useValue(app.content) !== 'waiting') return null;
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: SKELETON_ROWS }, (_, at) => (
        <div key={at} class="row">{columns.map((name) => <div key={name} class={name} />)}</div>
      ))}
    </div>
  );
}

/** What to say where there are no rows: title, text, and the name and effect of a button. */
function emptiness({ content, count, params, isSlow, app }) {
  const filter = (params.q ?? '').trim();
  if (content === 'waiting') {
    return isSlow ? { title: 'Is the server running?', text: `Nothing answers at ${app.page.location.host}. This page connects by itself as soon as it does.`, command: 'tools/run' } : null;
  }
  if (content === 'empty') return { title: 'No prices yet', text: 'The connection works. Rows appear with the first event of a feed.' };
  if (count > 0) return null;
  if (filter) {
    return { title: `No symbol matches “${filter}”`, text: 'Every word has to occur in the symbol or its source.', button: 'Clear search',
      run: () => { app.route.go({ params: { q: '' } }); app.page.document.getElementById('filter').focus(); } };
  }
  const all = { button: 'Show all', run: () => app.route.go({ params: { l: '' } }) };
  if (params.l === 'starred') return { title: 'Nothing is starred', text: 'Click the star of a row, or press S on it.', ...all };
  if (params.l === 'stale') return { title: 'Nothing is stale', text: 'Every symbol has had an update when it was due.', ...all };
  return { title: 'This list is empty', text: 'Open a symbol, then + puts it into a list.', ...all };
}

function Empty({ shown }) {
  const app = useApp();
  const content = useValue(app.content);
  const { count } = useValue(shown);
  const { params } = useValue(app.route);
  const isSlow = useValue(app.isSlowToConnect);
  const says = emptiness({ content, count, params, isSlow, app });
  if (!says) return null;
  return (
    <div id="empty" class="empty">
      <p id="emptyTitle" class="emptyTitle">{says.title}</p>
      <p id="emptyText">{says.text}</p>
      {says.command && <code>{says.command}</code>}
      {says.button && <button id="emptyAction" type="button" class="button" onClick={says.run}>{says.button}</button>}
    </div>
  );
}
