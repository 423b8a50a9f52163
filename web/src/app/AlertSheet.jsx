/** What the reader wants to be told, in a sheet. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { KINDS, describeAlert, describeSpan } from '../core/alerts.js';
import { formatClock, formatDay } from '../core/clockwords.js';
import { compareTexts, parseDecimal } from '../core/decimal.js';
import { groupDigits } from '../core/format.js';
import { lastOf } from '../core/store.js';
import { Dialog } from './Dialog.jsx';
import { Icon } from './icons.jsx';
import { useApp, useValue } from './context.js';

const WINDOWS_S = [10, 60, 300, 900, 3600, 14_400, 86_400];
const FIRST_VALUES = { rise: '1', fall: '1', stale: '30' };
const OFFERED_MAX = 50; // symbols, of those that fit what is typed

export function AlertSheet() {
  return <Dialog name="alerts" title="Alerts" className="sheet alertsSheet"><Body /></Dialog>;
}

function Body() {
  const app = useApp();
  const list = useValue(app.settings.alerts);
  const mode = useValue(app.timeline.mode);
  const inReplay = useValue(app.settings.alertsInReplay);
  useLayoutEffect(() => { app.alerts.see(); }, [list]);
  const known = list.filter((alert) => KINDS[alert.kind]);
  const hasFired = known.some((alert) => app.alerts.stateOf(alert) === 'fired');
  return (
    <div class="alerts">
      <Form />
      <Silence mode={mode} inReplay={inReplay} />
      {known.length === 0 ? <p class="muted nothing">No alerts yet. They are kept in this browser and watched while this page is open.</p> : (
        <ul class="alertList" aria-label="Your alerts">{known.map((alert) => <One key={alert.id} alert={alert} />)}</ul>
      )}
      <div class="alertFoot">
        <Notify />
        <label class="check"><input type="checkbox" checked={inReplay}
          onChange={({ currentTarget }) => { app.settings.alertsInReplay.value = currentTarget.checked; }} />Also in a replay and while delayed</label>
        {hasFired && <button type="button" class="link" onClick={() => app.alerts.clearFired()}>Clear those that fired</button>}
      </div>
    </div>
  );
}

/** One clock for the whole screen, alerts included: where that silences them it is said. */
function Silence({ mode, inReplay }) {
  if (mode === 'paused') return <p class="hint">The screen is paused, and so are its alerts.</p>;
  if (mode === 'replay' && !inReplay) return <p class="hint">This is a recording: alerts are silent.</p>;
  if (mode === 'shifted' && !inReplay) return <p class="hint">The screen shows the past: alerts are silent.</p>;
  return null;
}

function Form() {
  const app = useApp();
  const draft = useValue(app.alerts.draft);
  const [symbol, setSymbol] = useState(draft.symbol ?? '');
  const [kind, setKind] = useState('above');
  const [value, setValue] = useState(draft.value ?? '');
  const [windowS, setWindow] = useState(300);
  const [repeat, setRepeat] = useState(false);
  const [fault, setFault] = useState('');
  const field = useRef();
  useLayoutEffect(() => {
    setSymbol(draft.symbol ?? '');
    setValue(draft.value ?? '');
    (draft.symbol ? field.current : app.page.document.getElementById('alertSymbol')).focus();
    if (draft.symbol) field.current.select();
  }, [draft]);
  const chooseKind = (chosen) => {
    setKind(chosen);
    setFault('');
    if ((chosen in FIRST_VALUES) !== (kind in FIRST_VALUES) || chosen === 'stale' || kind === 'stale') setValue(FIRST_VALUES[chosen] ?? lastOf(app.store, symbol));
  };
  const submit = (event) => {
    event.preventDefault();
    const said = app.alerts.add({ symbol: symbol.trim(), kind, value, windowS, repeat });
    setFault(said);
    if (said) field.current.focus();
    else app.toast({ kind: 'good', text: `Armed: ${describeAlert({ symbol: symbol.trim(), kind, value, windowS })}` });
  };
  const last = lastOf(app.store, symbol.trim());
  const isThere = last !== '' && ((kind === 'above' && compareTexts(last, value) >= 0 && parseDecimal(value)) || (kind === 'below' && compareTexts(last, value) <= 0 && parseDecimal(value)));
  const typed = symbol.trim().toLowerCase();
  const symbols = [...app.store.bySymbol.keys()].filter((name) => name.toLowerCase().includes(typed)).sort().slice(0, OFFERED_MAX);
  return (
    <form class="alertForm" onSubmit={submit}>
      <label><span>Symbol</span>
        <input id="alertSymbol" list="alertSymbols" value={symbol} maxLength={128} autocomplete="off" spellcheck={false} required
          onInput={({ currentTarget }) => setSymbol(currentTarget.value)} /></label>
      <datalist id="alertSymbols">{symbols.map((name) => <option key={name} value={name} />)}</datalist>
      <label><span>When it</span>
        <select id="alertKind" value={kind} onChange={({ currentTarget }) => chooseKind(currentTarget.value)}>
          {Object.entries(KINDS).map(([name, { label }]) => <option key={name} value={name}>{label}</option>)}
        </select></label>
      <label><span>{KINDS[kind].unit === '%' ? 'Percent' : KINDS[kind].unit === 's' ? 'Seconds' : 'Price'}</span>
        <input id="alertValue" ref={field} value={value} inputMode="decimal" autocomplete="off" maxLength={60} required
          aria-invalid={fault !== '' || undefined} aria-describedby="alertFault"
          onInput={({ currentTarget }) => setValue(currentTarget.value)} /></label>
      {(kind === 'rise' || kind === 'fall') && (
        <label><span>Within</span>
          <select id="alertWindow" value={String(windowS)} onChange={({ currentTarget }) => setWindow(Number(currentTarget.value))}>
            {WINDOWS_S.map((seconds) => <option key={seconds} value={String(seconds)}>{describeSpan(seconds)}</option>)}
          </select></label>
      )}
      <label class="check"><input type="checkbox" checked={repeat} onChange={({ currentTarget }) => setRepeat(currentTarget.checked)} />Again and again</label>
      <button type="submit" class="button primary">Set the alert</button>
      <p id="alertFault" class="fault" role="alert">{fault}</p>
      {isThere && !fault && <p class="note">It is {kind} that now, at {groupDigits(last)}: the alert waits until the price has been on the other side.</p>}
    </form>
  );
}

function One({ alert }) {
  const app = useApp();
  const { alerts } = app;
  const state = alerts.stateOf(alert);
  const { fired } = alert;
  return (
    <li class="alertRow" data-alert={state}>
      <span class="alertState">{state}</span>
      <span class="alertWhat">
        <bdi>{describeAlert(alert)}</bdi>{alert.repeat && <span class="muted"> · again and again</span>}
        {fired && <span class="alertFired">{fired.detail} · <time>{formatDay(fired.us)} {formatClock(fired.us)} UTC</time></span>}
      </span>
      {state === 'fired' ? (
        <button type="button" class="link" onClick={() => alerts.rearm(alert.id)}>Arm again</button>
      ) : (
        <button type="button" class="link" aria-pressed={alert.muted ?? false} onClick={() => alerts.setMuted(alert.id, !alert.muted)}>
          {alert.muted ? 'Unmute' : 'Mute'}</button>
      )}
      <button type="button" class="icon" aria-label={`Delete: ${describeAlert(alert)}`} onClick={() => alerts.remove(alert.id)}><Icon name="trash" /></button>
    </li>
  );
}

/** The browser asks only when the reader has asked for it. */
function Notify() {
  const app = useApp();
  const wanted = useValue(app.settings.notify);
  const { Notification } = app.page;
  if (!Notification) return null;
  const choose = async ({ currentTarget }) => {
    const { checked } = currentTarget;
    const permission = checked && Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission;
    app.settings.notify.value = checked && permission === 'granted';
    if (checked && permission !== 'granted') {
      currentTarget.checked = false;
      app.toast({ kind: 'warn', text: 'The browser does not allow this page to notify you. Its site settings can change that.' });
    }
  };
  return <label class="check"><input id="notify" type="checkbox" checked={wanted} onChange={choose} />Notify me when this page is hidden</label>;
}
