/** The words around the table. Each text is written only when it changed. */
import { formatCount } from './format.js';
import { isSimulated } from './store.js';

const RATE_WINDOW_MS = 2000;
const ERROR_MS = 10_000;
const SLOW_CONNECT_MS = 3000;
const SKELETON_ROWS = 10;
const MODES = { replay: 'Replay', live: 'Live data' };

export function createPanels(byId) {
  const root = document.documentElement;
  const write = (id, text) => {
    const element = byId(id);
    if (element.textContent !== text) element.textContent = text;
  };
  const setHidden = (id, isHidden) => { byId(id).hidden = isHidden; };
  const startedAt = performance.now();
  const samples = [];
  let mode = '';
  let error = null;
  const skeleton = byId('skeleton');
  for (let at = 0; at < SKELETON_ROWS; at++) skeleton.append(byId('rowTemplate').content.cloneNode(true));

  return { showState, showConnection, showServer, showError, showCounts, showEmpty };

  /** The live region speaks changes of state only, never prices or countdowns. */
  function showState(to, from, { spoken }) {
    root.dataset.state = to;
    if (to !== from) write('spoken', spoken);
  }

  function showConnection({ pill, note, detail, action }) {
    write('pill', pill);
    write('note', note);
    write('detail', detail);
    write('action', action);
    setHidden('action', action === '');
  }

  function showServer(hello) {
    if (hello.server) write('server', `${hello.server} · ${hello.mode}`);
    if (hello.mode) mode = hello.mode;
    write('epoch', `epoch ${hello.epoch}`);
    byId('epoch').title = `epoch ${hello.epoch}`;
  }

  function showError({ code, message }, now) {
    error = { text: `Server: ${message || code}`, until: now + ERROR_MS };
  }

  function showCounts({ store, order, isHeld, now, clock }) {
    showMode(store, clock);
    if (error && now >= error.until) error = null;
    const problems = [...store.feeds].filter(([, state]) => state !== 'up')
      .map(([source, state]) => `${source} ${state}`);
    if (store.gaps > 0) problems.push(`${formatCount(store.gaps)} ${store.gaps === 1 ? 'gap' : 'gaps'}`);
    if (error) problems.push(error.text);
    write('problems', problems.join(' · '));
    byId('problems').title = problems.join('\n');
    write('count', countText(countSymbols(order), countSymbols(store.rows.values())));
    showRate(store, now);
    setHidden('held', !isHeld);
  }

  function showMode(store, clock) {
    const simulated = countSimulated(store);
    const isAll = simulated > 0 && simulated === store.rows.size;
    const base = MODES[mode] ?? mode;
    const text = isAll ? 'Simulated data' : simulated > 0 ? `${base}, partly simulated` : base;
    write('badge', isAll && mode === 'replay' ? 'Replay, simulated data' : text);
    root.dataset.mode = simulated > 0 ? 'simulated' : mode;
    write('clock', mode === 'replay' && clock ? `recorded ${clock}` : '');
  }

  /** Rows come and go rarely, so the count is kept until they do. */
  function countSimulated(store) {
    if (countSimulated.membership !== store.membership) {
      countSimulated.membership = store.membership;
      countSimulated.count = [...store.rows.values()].filter((row) => isSimulated(row.source)).length;
    }
    return countSimulated.count;
  }

  function showRate({ events, received }, now) {
    samples.push({ now, events, received });
    while (samples.length > 2 && now - samples[1].now >= RATE_WINDOW_MS) samples.shift();
    const [first] = samples;
    const seconds = Math.max((now - first.now) / 1000, 0.5);
    write('rate', `${formatCount((events - first.events) / seconds)} updates/s`);
    const reached = formatCount((received - first.received) / seconds);
    byId('rate').title = `${reached} a second reach this page: the newest of each stream, 10 times a second`;
  }

  function showEmpty({ state, total, shown, filter }) {
    const isNoMatch = total > 0 && shown === 0 && filter !== '';
    const isWaiting = total === 0 && state !== 'live' && state !== 'stalled';
    root.dataset.view = total === 0 ? (isWaiting ? 'waiting' : 'empty') : isNoMatch ? 'nomatch' : 'rows';
    setHidden('emptyAction', !isNoMatch);
    if (isNoMatch) {
      write('emptyTitle', `No symbol matches “${filter}”`);
      write('emptyText', 'Every word has to occur in the symbol or its source.');
    } else if (isWaiting) {
      const isSlow = performance.now() - startedAt > SLOW_CONNECT_MS;
      write('emptyTitle', isSlow ? 'Is the server running?' : '');
      write('emptyText', isSlow ? 'This page connects by itself as soon as it answers.' : '');
    } else {
      write('emptyTitle', 'No prices yet');
      write('emptyText', 'The connection works. Rows appear with the first event of a feed.');
    }
  }
}

function countSymbols(rows) {
  const symbols = new Set();
  for (const row of rows) symbols.add(row.symbol);
  return symbols.size;
}

function countText(shown, total) {
  const noun = total === 1 ? 'symbol' : 'symbols';
  const all = `${formatCount(total)} ${noun}`;
  return shown === total ? all : `${formatCount(shown)} of ${all}`;
}
