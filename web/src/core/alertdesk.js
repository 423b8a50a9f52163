/**
 * The reader's alerts, between the settings that keep them and the screen's clock that drives them. They
 * follow the screen: they wait while it is paused, and are silent in a replay or a delayed screen unless
 * that is wanted, because nothing there happens now.
 */
import { ALERTS_MAX, checkAlert, createAlerts, describeAlert } from './alerts.js';
import { signal } from './signal.js';

const CHECK_MS = 1000;

/**
 * @param {object} parts
 * @param {any} parts.settings @param {any} parts.timeline @param {any} parts.page
 * @param {(alert: object, text: string) => void} parts.onFired tells the reader
 */
export function createAlertDesk({ settings, timeline, page, onFired }) {
  const alerts = createAlerts(onFire);
  /** What the form begins with: {symbol, value, kind}. */
  const draft = signal({});
  /** Fired and not looked at. */
  const unseen = signal(0);
  let lastId = 0;
  const desk = {
    draft, unseen, add, remove, rearm, setMuted, clearFired, isSilent, start,
    see: () => { unseen.value = 0; },
    stateOf: (alert) => (alert.muted ? 'muted' : alert.fired && !alert.repeat ? 'fired' : 'armed'),
  };
  return desk;

  function start() {
    alerts.setAlerts(settings.alerts.peek().filter(isWhole));
    settings.alerts.subscribe((list) => alerts.setAlerts(list.filter(isWhole)));
    timeline.on('items', ({ items }) => { if (!isSilent()) alerts.applyItems(items, timeline.nowUs()); });
    timeline.on('reset', () => alerts.forget());
    page.setInterval(() => { if (!isSilent()) alerts.check(timeline.nowUs()); }, CHECK_MS);
  }

  /** Why no alert fires now: '' if they may. */
  function isSilent() {
    const mode = timeline.mode.peek();
    if (mode === 'paused') return true;
    return (mode === 'replay' || mode === 'shifted') && !settings.alertsInReplay.peek();
  }

  /** @returns {string} what is wrong with it, or nothing when it is armed */
  function add({ symbol, source, kind, value, windowS, repeat = false }) {
    const alert = { id: newId(), symbol, kind, value: value.trim().replaceAll(',', ''), repeat };
    if (source) alert.source = source;
    if (kind === 'rise' || kind === 'fall') alert.windowS = windowS;
    const fault = checkAlert(alert);
    if (fault) return fault;
    if (settings.alerts.peek().length >= ALERTS_MAX) return `There is room for ${ALERTS_MAX} alerts.`;
    settings.alerts.value = [alert, ...settings.alerts.peek()];
    return '';
  }

  function newId() {
    const known = new Set(settings.alerts.peek().map(({ id }) => id));
    do lastId++; while (known.has(String(lastId)));
    return String(lastId);
  }

  function change(id, patch) {
    settings.alerts.value = settings.alerts.peek().map((alert) => (alert.id === id ? patch(alert) : alert));
  }

  function remove(id) {
    settings.alerts.value = settings.alerts.peek().filter((alert) => alert.id !== id);
  }

  function rearm(id) {
    change(id, ({ fired, ...alert }) => alert);
  }

  function setMuted(id, muted) {
    change(id, (alert) => ({ ...alert, muted }));
  }

  function clearFired() {
    settings.alerts.value = settings.alerts.peek().filter((alert) => desk.stateOf(alert) !== 'fired');
    unseen.value = 0;
  }

  function onFire(alert) {
    change(alert.id, () => alert);
    unseen.value++;
    onFired(alert, `${describeAlert(alert)}: ${alert.fired.detail}`);
  }
}

/** Settings may come from a file: what is no alert is kept there and not watched. */
function isWhole(alert) {
  return typeof alert.id === 'string' && typeof alert.value === 'string' && typeof alert.symbol === 'string' && checkAlert(alert) === '';
}
