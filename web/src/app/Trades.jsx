import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { createTapeList } from '../hot/tape.js';
import { formatCount } from '../core/format.js';
import { describeDeafness } from '../core/status.js';
import { useApp, useValue } from './context.js';
import { useSymbol } from './symbol.js';

const COLUMNS = ['second', 'price', 'size'];

/** The last trades of the open symbol. */
export function Trades() {
  const view = useSymbol();
  const scroller = useRef();
  const body = useRef();
  const list = useRef();
  const [hold, setHold] = useState({ isHeld: false, behind: 0 });
  const [isEmpty, setEmpty] = useState(true);
  useLayoutEffect(() => {
    list.current = createTapeList({ scroller: scroller.current, body: body.current, tape: view.tape, columns: COLUMNS, onHold: setHold });
    const stop = view.onDraw(() => {
      list.current.draw();
      setEmpty(view.tape.matching.length === 0);
    });
    return () => {
      stop();
      list.current.end();
    };
  }, []);
  return (
    <section class="trades" aria-label="Trades">
      <h3 class="tradesHead">
        Trades
        {hold.isHeld && hold.behind > 0 && (
          <button type="button" class="link" onClick={() => list.current.pin(false)}>{formatCount(hold.behind)} newer</button>
        )}
      </h3>
      <div ref={scroller} class="tapeScroll" role="table" aria-label="Trades, newest first" tabIndex={0}>
        <div class="tapeHead unseen" role="row">
          <span role="columnheader">Time</span><span role="columnheader">Price</span><span role="columnheader">Size</span>
        </div>
        <div ref={body} class="tapeBody" role="rowgroup" />
        {isEmpty && <NoTrades />}
      </div>
    </section>
  );
}

function NoTrades() {
  const { state } = useValue(useApp().connection);
  const deafness = describeDeafness(state);
  return <p class="tradesEmpty">{deafness ? `${deafness}. No trades are known so far.` : 'No trades yet. Some symbols are only quoted.'}</p>;
}
