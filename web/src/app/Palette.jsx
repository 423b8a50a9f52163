import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './Dialog.jsx';
import { search } from '../core/fuzzy.js';
import { useApp } from './context.js';

const SYMBOLS_MAX = 8;
const COMMANDS_MAX = 12;

/** Everything by name: symbols to open, and every command that can be done now. */
export function Palette() {
  return <Dialog name="palette" title="Go to or do" className="palette"><Choices /></Dialog>;
}

function Choices() {
  const app = useApp();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef();
  useLayoutEffect(() => list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }), [at, query]);
  const symbols = query.trim() === '' ? [] : search(query, app.store.bySymbol.keys(), (name) => name, SYMBOLS_MAX);
  const commands = search(query, app.keys.list().filter(({ isHidden }) => !isHidden), ({ title }) => title, COMMANDS_MAX);
  const choices = [
    ...symbols.map((symbol) => ({ id: `s${symbol}`, title: symbol, hint: 'Open', run: () => app.open({ symbol, source: app.store.bySymbol.get(symbol)[0].source }) })),
    ...commands.map((command) => ({ id: `c${command.title}`, title: command.title, hint: command.key, run: command.run })),
  ];
  const active = Math.min(at, choices.length - 1);
  const run = (choice) => {
    app.dialog.value = null;
    choice?.run();
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((active + step + choices.length) % choices.length);
    else if (event.key === 'Enter') run(choices[active]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input autofocus class="paletteInput" type="text" role="combobox" aria-label="Search symbols and commands" aria-expanded="true"
        aria-controls="paletteList" aria-activedescendant={active >= 0 ? `choice${active}` : undefined} placeholder="Symbol or command"
        autocomplete="off" autocapitalize="off" spellcheck={false}
        value={query} onInput={(event) => { setQuery(event.currentTarget.value); setAt(0); }} onKeyDown={onKeyDown} />
      <ul ref={list} id="paletteList" class="choices" role="listbox" aria-label="Results">
        {choices.map((choice, index) => (
          <li key={choice.id} id={`choice${index}`} role="option" aria-selected={index === active}
            onClick={() => run(choice)} onPointerMove={() => setAt(index)}>
            <bdi>{choice.title}</bdi>{choice.hint && <kbd>{choice.hint}</kbd>}
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p class="muted none">Nothing of this name.</p>}
    </>
  );
}
