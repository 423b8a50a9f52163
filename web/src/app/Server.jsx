/** What the server does: for whoever runs it. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { formatCount } from '../core/format.js';
import { barsOf, formatDuration, parseMetrics } from '../core/metrics.js';
import {
  describeDelivery, describeFeed, describeStatus, formatBytes, formatShort, formatUptime, STAGES, VERDICTS,
} from '../core/serverwords.js';
import { Icon } from './icons.jsx';
import { usePoll } from './usePoll.js';
import { useApp, useValue } from './context.js';

const POLL_MS = 2000;
const HISTORY = 60; // points of a tile's line: two minutes

export function Server() {
  const app = useApp();
  const { state } = useValue(app.connection);
  const status = usePoll(app, (signal) => app.feed.get('status', {}, { signal }), POLL_MS);
  const metrics = usePoll(app, async (signal) => parseMetrics(await app.feed.metrics({ signal })), POLL_MS);
  if (!status.value) {
    return (
      <div class="page serverView"><div class="pageBox">
        {status.error ? <Failed what="the server’s figures" error={status.error} retry={status.retry} /> : <TileSkeleton />}
      </div></div>
    );
  }
  const { value } = status;
  return (
    <div class="page serverView" tabIndex={0} role="region" aria-label="Server" data-stale={state !== 'live' || undefined}>
      <div class="pageBox">
        <header class="pageHead">
          <h2>Server</h2>
          <p class="muted">pricecast {value.version} · {value.mode} · up {formatUptime(value.uptime_ms)} · {formatCount(value.streams)} streams</p>
          {state !== 'live' && <p class="warning">These are the last known figures.</p>}
        </header>
        <Tiles status={value} />
        <Latency status={value} metrics={metrics} />
        <div class="columns2">
          <Feeds status={value} />
          <Recorder status={value} />
        </div>
        <Clients />
      </div>
    </div>
  );
}

function Failed({ what, error, retry }) {
  return (
    <p class="failedLine" role="alert">Could not get {what}: {String(error.message ?? error)} <button type="button" class="link" onClick={retry}>Try again</button></p>
  );
}

function TileSkeleton() {
  return <div class="tiles" aria-hidden="true">{Array.from({ length: 8 }, (_, at) => <div key={at} class="tile empty" />)}</div>;
}

function Tiles({ status }) {
  const history = useRef(new Map());
  const tiles = describeStatus(status);
  useMemo(() => {
    for (const { name, value } of tiles) {
      const line = history.current.get(name) ?? [];
      line.push(value);
      if (line.length > HISTORY) line.shift();
      history.current.set(name, line);
    }
  }, [status]);
  return <div class="tiles">{tiles.map((tile) => <Tile key={tile.name} {...tile} line={history.current.get(tile.name) ?? []} />)}</div>;
}

function Tile({ name, title, text, detail, hint, isBad, line }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div role="group" class={isBad ? 'tile bad' : 'tile'} aria-labelledby={`tile-${name}`}>
      <h3 id={`tile-${name}`}>{title}
        <button type="button" class="icon small" aria-expanded={isOpen} aria-label={`What “${title}” means`} onClick={() => setOpen(!isOpen)}><Icon name="info" /></button>
      </h3>
      <p class="tileValue">{text}</p>
      <p class="tileDetail">{detail}</p>
      <Line points={line} />
      {isOpen && <p class="tileHint">{hint}</p>}
    </div>
  );
}

/** The last two minutes, from the lowest to the highest of them. */
function Line({ points }) {
  if (points.length < 2) return <svg class="line" viewBox="0 0 60 16" aria-hidden="true" />;
  const low = Math.min(...points);
  const span = Math.max(...points) - low || 1;
  const path = points.map((point, at) => `${at === 0 ? 'M' : 'L'}${(60 - points.length + at).toFixed(1)} ${(15 - (14 * (point - low)) / span).toFixed(2)}`).join('');
  return <svg class="line" viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true"><path d={path} /></svg>;
}

function Latency({ status, metrics }) {
  const [stage, setStage] = useState('bus_to_write');
  const { title, hint } = STAGES.find(({ name }) => name === stage);
  const figures = status.freshness_us?.[stage] ?? {};
  const histogram = metrics.value?.histogram(`pricecast_${stage}_seconds`);
  const percentiles = [['p50', figures.p50], ['p90', figures.p90], ['p99', figures.p99], ['p99.9', figures.p999], ['max', figures.max]];
  const words = percentiles.map(([name, us]) => `${name} ${formatDuration(us / 1e6)}`).join(', ');
  return (
    <section class="block" aria-labelledby="latencyTitle">
      <header class="blockHead">
        <h3 id="latencyTitle">Latency</h3>
        <div class="segments" role="group" aria-label="Stage">
          {STAGES.map(({ name, title: label }) => (
            <button key={name} type="button" aria-pressed={stage === name} onClick={() => setStage(name)}>{label}</button>
          ))}
        </div>
      </header>
      <p class="muted">{hint}</p>
      {figures.count > 0 ? (
        <div class="latency">
          <dl class="percentiles">{percentiles.map(([name, us]) => <div key={name}><dt>{name}</dt><dd>{formatDuration(us / 1e6)}</dd></div>)}</dl>
          {metrics.error ? <Failed what="the histogram" error={metrics.error} retry={metrics.retry} /> : histogram && <Histogram histogram={histogram} title={title} words={words} />}
        </div>
      ) : <p class="nothing muted">Nothing has been measured here yet.</p>}
    </section>
  );
}

/** Counts since the start on a logarithmic scale: the few late ones are what matters. */
function Histogram({ histogram, title, words }) {
  const bars = barsOf(histogram);
  if (bars.length === 0) return null;
  const most = Math.max(...bars.map(({ count }) => count));
  const heightOf = (count) => (count === 0 ? 0 : 8 + (92 * Math.log1p(count)) / Math.log1p(most));
  return (
    <div class="histogram">
      <div class="bars" role="img" aria-label={`${title}: ${formatCount(histogram.count)} measured, ${words}`}>
        {bars.map(({ from, to, count }) => (
          <div key={to} class="bar" title={`${formatDuration(from)} to ${formatDuration(to)}: ${formatCount(count)}`}>
            <i style={{ height: `${heightOf(count)}%` }} />
            <span>{to === Infinity ? 'more' : formatDuration(to)}</span>
          </div>
        ))}
      </div>
      <p class="muted">{formatCount(histogram.count)} measured since the start; bars on a logarithmic scale, each up to the time below it</p>
    </div>
  );
}

function Feeds({ status }) {
  return (
    <section class="block" aria-labelledby="feedsTitle">
      <header class="blockHead"><h3 id="feedsTitle">Feeds</h3></header>
      <Table label="Table of the feeds" heads={['Feed', 'State', '#Events', '#Bad', '#Late', '#Gaps']}
        rows={status.feeds.map((feed) => ({
          key: feed.feed, isBad: feed.broken || feed.link === 'down' || feed.bad > 0,
          cells: [<bdi title={feed.feed}>{feed.feed}</bdi>, describeFeed(feed), formatShort(feed.events), formatShort(feed.bad), formatShort(feed.late), formatShort(feed.gaps ?? 0)],
        }))} />
    </section>
  );
}

function Recorder({ status: { recorder } }) {
  return (
    <section class="block" aria-labelledby="recorderTitle">
      <header class="blockHead"><h3 id="recorderTitle">Recorder</h3></header>
      {recorder ? (
        <dl class="facts" data-bad={recorder.failed || undefined}>
          <div><dt>State</dt><dd>{recorder.failed ? 'stopped with an error' : 'records'}</dd></div>
          <div><dt>Events</dt><dd>{formatShort(recorder.events)}</dd></div>
          <div><dt>Missed</dt><dd>{formatShort(recorder.missed)}</dd></div>
          <div><dt>Written</dt><dd>{formatBytes(recorder.bytes)} in {recorder.parts} {recorder.parts === 1 ? 'file' : 'files'}</dd></div>
        </dl>
      ) : <p class="nothing muted">Nothing is recorded. <code>--record PATH</code> writes what comes to a file that can be replayed.</p>}
    </section>
  );
}

function Clients() {
  const app = useApp();
  const answer = usePoll(app, (signal) => app.feed.get('clients', { limit: 100 }, { signal }), POLL_MS);
  const { value, error } = answer;
  return (
    <section class="block" aria-labelledby="clientsTitle">
      <header class="blockHead"><h3 id="clientsTitle">Clients</h3>{value && <p class="muted">{formatCount(value.total)}, the slowest first</p>}</header>
      {error?.status === 403 ? <p class="nothing muted"><Icon name="lock" /> Addresses of clients are shown only to pages on the server’s own machine.</p>
        : error && !value ? <Failed what="the clients" error={error} retry={answer.retry} />
          : value && <ClientTable clients={value.clients} nowMs={app.feed.serverNow() ?? app.wallNow()} />}
    </section>
  );
}

function ClientTable({ clients, nowMs }) {
  return (
    <Table label="Table of the clients" heads={['Client', 'For', 'Transport', 'Wants', '#Waiting', '#Sent', '#Passed over', '#Age', '#Blocked', 'Verdict']}
      rows={clients.map((client) => ({
        key: client.id, isBad: client.verdict !== 'ok',
        cells: [client.peer, formatUptime(nowMs - client.since / 1000), `${client.transport} ${client.encoding}`,
          client.deliveries.length > 0 ? client.deliveries.map(describeDelivery).join(', ') : 'nothing',
          client.pending.events > 0 ? `${formatShort(client.pending.events)}, ${formatBytes(client.pending.bytes)}` : '—',
          formatShort(client.delivered.items), formatShort(client.skipped), formatDuration(client.age_us.mean / 1e6),
          client.blocked_ms > 0 ? formatUptime(client.blocked_ms) : '—', client.closing ?? VERDICTS[client.verdict] ?? client.verdict],
      }))} />
  );
}

/** Heads that begin with # stand over numbers. On a phone each row becomes a card. */
function Table({ label, heads, rows }) {
  if (rows.length === 0) return <p class="nothing muted">None.</p>;
  return (
    <div class="tableBox" tabIndex={0} role="group" aria-label={label}>
      <table class="table">
        <thead><tr>{heads.map((head) => <th key={head} scope="col" class={head[0] === '#' ? 'num' : undefined}>{head.replace('#', '')}</th>)}</tr></thead>
        <tbody>
          {rows.map(({ key, cells, isBad }) => (
            <tr key={key} class={isBad ? 'bad' : undefined}>
              {cells.map((cell, at) => <td key={at} data-head={heads[at].replace('#', '')} class={heads[at][0] === '#' ? 'num' : undefined}>{cell}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
