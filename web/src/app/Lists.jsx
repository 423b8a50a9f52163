import { useState } from 'preact/hooks';
import { Dialog } from './Dialog.jsx';
import { Icon } from './icons.jsx';
import { formatCount } from '../core/format.js';
import { nameFault, toggleMember } from '../core/lists.js';
import { useApp, useValue } from './context.js';

/** Makes lists, puts the symbol that is open into them, and removes them. */
export function Lists() {
  return <Dialog name="lists" title="Your lists" className="sheet"><Body /></Dialog>;
}

function Body() {
  const app = useApp();
  const lists = useValue(app.settings.lists);
  const selected = useValue(app.selected);
  const [name, setName] = useState('');
  const [fault, setFault] = useState('');
  const symbol = app.activeRow()?.symbol ?? selected?.symbol;
  const create = (event) => {
    event.preventDefault();
    const wrong = nameFault(lists, name.trim());
    setFault(wrong);
    if (wrong) return;
    app.settings.lists.value = { ...lists, [name.trim()]: symbol ? [symbol] : [] };
    setName('');
  };
  const remove = (gone) => {
    const { [gone]: members, ...left } = lists;
    app.settings.lists.value = left;
    if (app.route.peek().params.l === `=${gone}`) app.route.go({ params: { l: '' } });
    app.toast({ text: `List “${gone}” removed`, action: { text: 'Undo', run: () => { app.settings.lists.value = { ...app.settings.lists.peek(), [gone]: members }; } } });
  };
  return (
    <div class="lists">
      {Object.keys(lists).length === 0 && <p class="muted">There is none yet. A list holds symbols that you look at together.</p>}
      <ul class="columnList">
        {Object.entries(lists).map(([list, members]) => (
          <li key={list}>
            <label class="check">
              <input type="checkbox" disabled={!symbol} checked={symbol !== undefined && members.includes(symbol)}
                aria-label={symbol ? `${symbol} in ${list}` : list}
                onChange={() => { app.settings.lists.value = toggleMember(lists, list, symbol); }} />
              <bdi>{list}</bdi> <span class="muted">{formatCount(members.length)}</span>
            </label>
            <button type="button" class="icon" aria-label={`Remove the list ${list}`} onClick={() => remove(list)}><Icon name="close" /></button>
          </li>
        ))}
      </ul>
      {symbol && Object.keys(lists).length > 0 && <p class="muted">Ticked: <bdi>{symbol}</bdi> is in it.</p>}
      <form class="newList" onSubmit={create}>
        <input type="text" aria-label="Name of a new list" placeholder="New list" maxLength={40} value={name}
          onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" class="button">{symbol ? `Create with ${symbol.length > 16 ? 'this symbol' : symbol}` : 'Create'}</button>
      </form>
      <p class="fault" role="alert">{fault}</p>
    </div>
  );
}
