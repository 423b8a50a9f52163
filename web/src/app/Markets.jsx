import { useLayoutEffect, useRef } from 'preact/hooks';
import { createMarkets } from '../hot/markets.js';
import { Detail } from './Detail.jsx';
import { Panel } from './Panel.jsx';
import { useApp, useValue } from './context.js';
import { COLUMNS, formatSort, nextSort, parseSort } from '../core/columns.js';
import { formatCount } from '../core/format.js';
import { signal } from '../core/signal.js';

const SKELETON_ROWS = 12;

/** The list of all markets, and beside it (on a phone: over it) the one that is open. */
export function Markets() {
  const app = useApp();
  const { symbol } = useValue(app.route);
  return (
    <div class={symbol ? 'markets withDetail' : 'markets'}>
      <Panel name="The market list"><List /></Panel>
      {symbol && <Panel name="The symbol panel"><Detail /></Panel>}
    </div>
  );
}

function List() {
  const app = useApp();
  const { params } = useValue(app.route);
  const gridRef = useRef();
  const bodyRef = useRef();
  const shown = useRef();
  shown.current ??= signal({ columns: [], count: 0, isHeld: false });
  const { columns } = useValue(shown.current);
  const sort = parseSort(params.sort);
  useLayoutEffect(() => {
    const markets = createMarkets({ app, grid: gridRef.current, body: bodyRef.current, shown: shown.current });
    return markets.end;
  }, []);
  return (
    <section class="list panel" aria-label="Markets">
      <ListBar shown={shown.current} />
      <div class="gridBox">
        <div ref={gridRef} id="grid" class="grid" role="grid" tabIndex={0} aria-label="Prices"
          aria-colcount={columns.length} aria-rowcount={1}>
          <div class="head" role="rowgroup">
            <div class="row" role="row" aria-rowindex={1}>
              {columns.map((name, at) => (
                <div key={name} class={['symbol', 'source', 'star', 'spark'].includes(name) ? name : `${name} num`} role="columnheader"
                  aria-colindex={at + 1} data-column={name}
                  aria-sort={sort.column === name ? (sort.descending ? 'descending' : 'ascending') : undefined}>
                  <button type="button" title={COLUMNS[name].hint ?? COLUMNS[name].title}
                    onClick={() => app.route.go({ params: { sort: formatSort(nextSort(sort, name)) } })}>
                    {COLUMNS[name].head ?? COLUMNS[name].title}
                  </button>
                </div>
              ))}
            </div>
          </div>
          <div ref={bodyRef} id="rows" class="rows" role="rowgroup" />
        </div>
        <Skeleton columns={columns} />
        <Empty shown={shown.current} />
      </div>
    </section>
  );
}

function ListBar({ shown }) {
  const app = useApp();
  const { count, isHeld } = useValue(shown);
  const { symbols, eventsPerS, itemsPerS } = useValue(app.counts);
  const noun = symbols === 1 ? 'symbol' : 'symbols';
  const all = `${formatCount(symbols)} ${noun}`;
  return (
    <p class="counts">
      <span id="held" class="held" hidden={!isHeld}
        title="Rows stay where they are while you point at the table or move in it. Esc lets go.">Order held</span>
      <span id="count" class="count">{count === symbols ? all : `${formatCount(count)} of ${all}`}</span>
      <span id="rate" class="rate"
        title={`${formatCount(itemsPerS)} a second reach this page: the newest of each stream`}>
        {formatCount(eventsPerS)} updates/s
      </span>
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

function Empty({ shown }) {
  const app = useApp();
  const content = useValue(app.content);
  const { count } = useValue(shown);
  const { params } = useValue(app.route);
  const isSlow = useValue(app.isSlowToConnect);
  const filter = (params.q ?? '').trim();
  if (content === 'rows' && (count > 0 || !filter)) return null;
  let title = 'No prices yet';
  let text = 'The connection works. Rows appear with the first event of a feed.';
  if (content === 'waiting') {
    title = isSlow ? 'Is the server running?' : '';
    text = isSlow ? 'This page connects by itself as soon as it answers.' : '';
  } else if (content === 'rows') {
    title = `No symbol matches “${filter}”`;
    text = 'Every word has to occur in the symbol or its source.';
  }
  return (
    <div id="empty" class="empty">
      <p id="emptyTitle" class="emptyTitle">{title}</p>
      <p id="emptyText">{text}</p>
      {content === 'rows' && (
        <button id="emptyAction" type="button" class="button" onClick={() => {
          app.route.go({ params: { q: '' } });
          app.page.document.getElementById('filter').focus();
        }}>Clear filter</button>
      )}
    </div>
  );
}
