import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.jsx';
import { formatCount } from '../core/format.js';
import { search } from '../core/fuzzy.js';
import { useApp, useValue } from './context.js';

/**
 * The box that filters the list: `/` goes there from anywhere, Enter opens what fits best, Shift+Enter stars
 * it, the arrow down goes into the list, Esc clears the box and then leaves it.
 */
export function Search() {
  const app = useApp();
  const { params } = useValue(app.route);
  const { symbols } = useValue(app.counts);
  const input = useRef();
  useLayoutEffect(() => app.keys.add({
    key: '/', title: 'Search symbols', group: 'Everywhere',
    run: () => { input.current.focus(); input.current.select(); },
  }), []);
  const write = (q) => app.route.go({ view: 'markets', params: { q } });
  const best = () => search((params.q ?? '').trim(), app.store.bySymbol.keys(), (symbol) => symbol, 1)[0];
  const onEnter = (isStar) => {
    const symbol = best();
    if (symbol === undefined) return;
    if (isStar) app.toggleStar(symbol);
    else app.open(app.store.bySymbol.get(symbol)[0]);
  };
  const onKeyDown = (event) => {
    if (event.key === 'Enter') onEnter(event.shiftKey);
    else if (event.key === 'ArrowDown') app.page.document.getElementById('grid')?.focus();
    else if (event.key !== 'Escape') return;
    else if (event.currentTarget.value === '') event.currentTarget.blur();
    else write('');
    event.preventDefault();
  };
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input ref={input} id="filter" type="search" aria-label="Search symbols" aria-keyshortcuts="/"
        placeholder={symbols > 0 ? `Search ${formatCount(symbols)} ${symbols === 1 ? 'symbol' : 'symbols'}` : 'Search symbols'}
        autocomplete="off" autocapitalize="off" spellcheck={false} enterkeyhint="go"
        value={params.q ?? ''} onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown} />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
