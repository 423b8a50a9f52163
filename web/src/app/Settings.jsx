import { useRef } from 'preact/hooks';
import { Dialog } from './Dialog.jsx';
import { ColumnChoice } from './Columns.jsx';
import { useApp, useValue } from './context.js';

const CHOICES = [
  { name: 'theme', title: 'Theme', options: { auto: 'As the system', dark: 'Dark', light: 'Light' } },
  { name: 'palette', title: 'Up and down', options: { signal: 'Blue, orange', classic: 'Green, red', eastasia: 'Red, green' } },
  { name: 'density', title: 'Rows', options: { comfortable: 'Comfortable', compact: 'Compact' } },
];

const FLAGS = [
  { name: 'calm', title: 'Prices change without flashing' },
  { name: 'letters', title: 'Keys of a single letter work' },
];

export function Settings() {
  return <Dialog name="settings" title="Settings" className="sheet"><Body /></Dialog>;
}

function Body() {
  const app = useApp();
  return (
    <div class="settings">
      {CHOICES.map((choice) => <Choice key={choice.name} {...choice} signal={app.settings[choice.name]} />)}
      {FLAGS.map((flag) => <Flag key={flag.name} {...flag} signal={app.settings[flag.name]} />)}
      <section><h3>Columns</h3><ColumnChoice /></section>
      <Transfer />
    </div>
  );
}

function Choice({ name, title, options, signal }) {
  const value = useValue(signal);
  return (
    <fieldset class="choice">
      <legend>{title}</legend>
      <div class="radios">
        {Object.entries(options).map(([option, label]) => (
          <label key={option} class={value === option ? 'radio on' : 'radio'}>
            <input type="radio" name={name} value={option} checked={value === option} onChange={() => { signal.value = option; }} />
            {name === 'palette' && <Swatch palette={option} />}
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Swatch({ palette }) {
  return <span class="swatch" data-palette={palette} aria-hidden="true"><b class="rose">▲</b><b class="fell">▼</b></span>;
}

function Flag({ title, signal }) {
  const value = useValue(signal);
  return <label class="check"><input type="checkbox" checked={value} onChange={(event) => { signal.value = event.currentTarget.checked; }} />{title}</label>;
}

/** Everything chosen, to another browser and back. */
function Transfer() {
  const app = useApp();
  const file = useRef();
  const save = () => {
    const url = URL.createObjectURL(new Blob([app.settings.exportText()], { type: 'application/json' }));
    const link = Object.assign(app.page.document.createElement('a'), { href: url, download: 'pricecast-settings.json' });
    link.click();
    app.page.setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const load = async (event) => {
    const [chosen] = event.currentTarget.files;
    event.currentTarget.value = '';
    if (!chosen) return;
    const fault = app.settings.importText(await chosen.text());
    app.toast(fault ? { text: fault, kind: 'error' } : { text: 'Settings taken over', kind: 'good' });
  };
  const reset = () => {
    const before = app.settings.exportText();
    app.settings.reset();
    app.toast({ text: 'All settings are as at first', action: { text: 'Undo', run: () => app.settings.importText(before) } });
  };
  return (
    <section class="transfer">
      <button type="button" class="button" onClick={save}>Export</button>
      <button type="button" class="button" onClick={() => file.current.click()}>Import…</button>
      <button type="button" class="button" onClick={reset}>Reset</button>
      <input ref={file} type="file" accept="application/json,.json" hidden aria-label="Settings file" onChange={load} />
    </section>
  );
}
