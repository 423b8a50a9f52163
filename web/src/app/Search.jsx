import { useLayoutEffect, useRef } from 'preact/hooks';
import { useApp, useValue } from './context.js';

/** The box that filters the list: `/` goes there from anywhere, Esc clears it and then leaves it. */
export function Search() {
  const app = useApp();
  const { params } = useValue(app.route);
  const input = useRef();
  useLayoutEffect(() => app.keys.add({
    key: '/', title: 'Search symbols', group: 'Everywhere',
    run: () => { input.current.focus(); input.current.select(); },
  }), []);
  const write = (q) => app.route.go({ view: 'markets', params: { q } });
  return (
    <div class="search">
      <input ref={input} id="filter" type="search" placeholder="Filter symbols" aria-label="Filter symbols"
        aria-keyshortcuts="/" autocomplete="off" autocapitalize="off" spellcheck={false} enterkeyhint="search"
        value={params.q ?? ''} onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          if (event.currentTarget.value === '') event.currentTarget.blur();
          else write('');
        }} />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
