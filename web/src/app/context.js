/** How components reach the app, and follow its signals. */
import { createContext } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';

export const AppContext = createContext(null);

export function useApp() {
  return useContext(AppContext);
}

/** The value of a signal; the component is drawn again when it changes.
 * @template T @param {import('../core/signal.js').Signal<T>} signal @returns {T} */
export function useValue(signal) {
  const [, redraw] = useState(0);
  useLayoutEffect(() => {
    let shown = signal.peek();
    const follow = () => {
      if (Object.is(shown, signal.peek())) return;
      shown = signal.peek();
      redraw((count) => count + 1);
    };
    return signal.subscribe(follow);
  }, [signal]);
  return signal.peek();
}
