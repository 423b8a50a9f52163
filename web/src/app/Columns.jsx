import { Dialog } from './Dialog.jsx';
import { Icon } from './icons.jsx';
import { ALL_COLUMNS, COLUMNS, DEFAULT_COLUMNS, PRESETS } from '../core/columns.js';
import { useApp, useValue } from './context.js';

export function Columns() {
  return <Dialog name="columns" title="Columns" className="sheet"><ColumnChoice /></Dialog>;
}

/** Which columns, in which order; what does not fit is left out from the least important on. */
export function ColumnChoice() {
  const { columns } = useApp().settings;
  const chosen = useValue(columns).filter((name) => ALL_COLUMNS.includes(name));
  const shown = chosen.length > 0 ? chosen : DEFAULT_COLUMNS;
  const left = ALL_COLUMNS.filter((name) => !shown.includes(name));
  const isPreset = (preset) => chosen.join() === preset.join();
  const move = (at, step) => {
    const list = [...shown];
    [list[at], list[at + step]] = [list[at + step], list[at]];
    columns.value = list;
  };
  return (
    <div class="columnChoice">
      <div class="segments" role="group" aria-label="Presets">
        <button type="button" aria-pressed={chosen.length === 0} onClick={() => { columns.value = []; }}>What fits</button>
        {Object.entries(PRESETS).map(([name, preset]) => (
          <button key={name} type="button" aria-pressed={isPreset(preset)} onClick={() => { columns.value = preset; }}>{name}</button>
        ))}
      </div>
      <ol class="columnList">
        {shown.map((name, at) => (
          <li key={name}>
            <label class="check">
              <input type="checkbox" checked disabled={name === 'symbol'} onChange={() => { columns.value = shown.filter((other) => other !== name); }} />
              {COLUMNS[name].title}
            </label>
            <button type="button" class="icon" aria-label={`${COLUMNS[name].title} earlier`} disabled={at === 0} onClick={() => move(at, -1)}><Icon name="up" /></button>
            <button type="button" class="icon" aria-label={`${COLUMNS[name].title} later`} disabled={at === shown.length - 1} onClick={() => move(at, 1)}><Icon name="down" /></button>
          </li>
        ))}
        {left.map((name) => (
          <li key={name}>
            <label class="check"><input type="checkbox" checked={false} onChange={() => { columns.value = [...shown, name]; }} />{COLUMNS[name].title}</label>
          </li>
        ))}
      </ol>
    </div>
  );
}
