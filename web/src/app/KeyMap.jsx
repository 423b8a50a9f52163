import { Dialog } from './Dialog.jsx';
import { useApp, useValue } from './context.js';

const FIXED = [
  { key: '↑ ↓ PgUp PgDn Home End', title: 'Move in the list', group: 'Markets' },
  { key: 'Enter', title: 'Open the row', group: 'Markets' },
];

/** The keys that do something now, from the one table that also makes them work. */
export function KeyMap() {
  return <Dialog name="keys" title="Keys" className="keyMap"><Groups /></Dialog>;
}

function Groups() {
  const app = useApp();
  const isOn = useValue(app.settings.letters);
  const groups = new Map();
  for (const command of [...app.keys.list().filter(({ key }) => key), ...FIXED]) {
    if (!groups.has(command.group)) groups.set(command.group, []);
    groups.get(command.group).push(command);
  }
  return (
    <>
      <div class="keyGroups">
        {[...groups].map(([group, commands]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>{commands.map(({ key, title }) => <div key={key}><dt>{key.split(' ').map((word) => <kbd key={word}>{word}</kbd>)}</dt><dd>{title}</dd></div>)}</dl>
          </section>
        ))}
      </div>
      <label class="check"><input type="checkbox" checked={isOn} onChange={(event) => { app.settings.letters.value = event.currentTarget.checked; }} />
        Keys of a single letter work</label>
    </>
  );
}
