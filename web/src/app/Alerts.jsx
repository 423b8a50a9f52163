/** The way to the alerts: the key `a` for the symbol at hand, and the bell. The sheet is in AlertSheet.jsx. */
import { useLayoutEffect } from 'preact/hooks';
import { lastOf } from '../core/store.js';
import { Icon } from './icons.jsx';
import { useApp, useValue } from './context.js';

export function Alerts() {
  const app = useApp();
  useLayoutEffect(() => app.keys.add({
    key: 'a', title: 'Set an alert on the symbol', group: 'Markets', run: () => openAlerts(app),
  }), []);
  return null;
}

/** Opens the sheet for a symbol: the one given, else the one at hand. @param {{symbol?: string, value?: string}} [draft] */
export function openAlerts(app, { symbol, value } = {}) {
  const wanted = symbol ?? app.activeRow()?.symbol ?? app.selected.peek()?.symbol ?? '';
  app.alerts.draft.value = { symbol: wanted, value: value ?? lastOf(app.store, wanted) };
  app.dialog.value = 'alerts';
}

/** The bell in the top bar, with how many have fired since it was last looked at. */
export function AlertBell() {
  const app = useApp();
  const unseen = useValue(app.alerts.unseen);
  const label = unseen > 0 ? `Alerts, ${unseen} fired` : 'Alerts';
  return (
    <button type="button" id="bell" class="icon bell" aria-label={label} title={`${label}  a`} onClick={() => openAlerts(app)}>
      <Icon name="bell" />{unseen > 0 && <span class="count" aria-hidden="true">{unseen > 99 ? '99+' : unseen}</span>}
    </button>
  );
}
