import { useLayoutEffect, useState } from 'preact/hooks';

/**
 * A component whose code is fetched when it is shown for the first time, so that the page itself stays
 * small. Nothing stands in its place meanwhile: it is a matter of milliseconds. When it cannot be fetched the
 * panel around it says so, and its "Try again" fetches again.
 * @param {() => Promise<any>} load resolves with the component
 */
export function lazy(load) {
  let Loaded = null;
  return function Lazy(props) {
    const [state, setState] = useState({ error: null });
    useLayoutEffect(() => {
      if (Loaded) return undefined;
      let isOver = false;
      load().then((Component) => {
        Loaded = Component;
        if (!isOver) setState({ error: null });
      }, (error) => { if (!isOver) setState({ error }); });
      return () => { isOver = true; };
    }, []);
    if (state.error) throw state.error;
    return Loaded && <Loaded {...props} />;
  };
}
