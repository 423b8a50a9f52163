import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.jsx';
import { useApp, useValue } from './context.js';

/**
 * A sheet over the page, shown while `app.dialog` has its name. The browser keeps the focus inside, closes it
 * on Esc, and gives the focus back.
 */
export function Dialog({ name, title, className = '', children }) {
  const app = useApp();
  const isOpen = useValue(app.dialog) === name;
  return isOpen ? <Open name={name} title={title} className={className}>{children}</Open> : null;
}

function Open({ name, title, className, children }) {
  const app = useApp();
  const ref = useRef();
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = app.page.document.activeElement;
    dialog.showModal();
    dialog.querySelector('[autofocus]')?.focus();
    return () => {
      dialog.close();
      before?.focus?.({ preventScroll: true });
    };
  }, []);
  const close = () => { if (app.dialog.peek() === name) app.dialog.value = null; };
  return (
    <dialog ref={ref} id={`${name}Dialog`} class={`dialog ${className}`} aria-labelledby={`${name}Title`}
      onCancel={(event) => { event.preventDefault(); close(); }} onClose={close}
      onClick={(event) => { if (event.target === ref.current) close(); }}>
      <div class="dialogBox">
        <header class="dialogHead">
          <h2 id={`${name}Title`}>{title}</h2>
          <button type="button" class="icon" aria-label="Close" onClick={close}><Icon name="close" /></button>
        </header>
        <div class="dialogBody">{children}</div>
      </div>
    </dialog>
  );
}
