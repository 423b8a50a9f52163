import { Icon } from './icons.jsx';
import { formatCount } from '../core/format.js';
import { useApp, useValue } from './context.js';

/** The lists over the market list; which one is shown stands in the URL. */
export function ListTabs() {
  const app = useApp();
  const { params } = useValue(app.route);
  const lists = useValue(app.settings.lists);
  const { stale } = useValue(app.counts);
  const current = params.l ?? '';
  const tabs = [['', 'All'], ['starred', <>★<span class="starredWord"> Starred</span></>], ['movers', 'Movers'],
    ['stale', stale > 0 ? `Stale ${formatCount(stale)}` : 'Stale'], ...Object.keys(lists).map((name) => [`=${name}`, name])];
  return (
    <div class="listTabs">
      <div class="segments" role="group" aria-label="Lists">
        {tabs.map(([l, title]) => (
          <button key={l} type="button" aria-pressed={l === current} onClick={() => app.route.go({ params: { l, sort: '' } })}><bdi>{title}</bdi></button>
        ))}
      </div>
      <button type="button" class="icon" aria-label="Lists" title="Your lists" onClick={() => { app.dialog.value = 'lists'; }}><Icon name="plus" /></button>
      <button type="button" class="icon columnsButton" aria-label="Columns" title="Columns" onClick={() => { app.dialog.value = 'columns'; }}><Icon name="columns" /></button>
    </div>
  );
}
