import { useLayoutEffect, useState } from 'preact/hooks';
import { createCode } from '../core/code.js';
import { useApp } from './context.js';

/**
 * A component whose code is fetched when it is shown for the first time, so that the page itself stays
 * small. Nothing stands in its place meanwhile: it is a matter of milliseconds, or of the connection. When it
 * cannot be fetched the panel around it says so, and its "Try again" fetches again.
 * @param {() => Promise<any>} load resolves with the component
 */
export function lazy(load) {
  const code = createCode(load);
  return function Lazy(props) {
    const app = useApp();
    const [{ error }, setState] = useState({ error: null });
    useLayoutEffect(() => {
      let isOver = false;
      const show = (reason) => { if (!isOver) setState({ error: reason }); };
      if (!code.value) code.fetch(app).then(() => show(null), show);
      return () => { isOver = true; };
    }, []);
    if (error) throw error;
    const Loaded = code.value;
    return Loaded && <Loaded {...props} />;
  };
}
