import { useLayoutEffect, useState } from 'preact/hooks';
import { formatMoment } from '../core/barText.js';
import { groupDigits, NOTHING } from '../core/format.js';
import { useApp } from './context.js';
import { useSymbol } from './symbol.js';

const ROWS_MAX = 120; // the newest; all of them are in the CSV

/** The bars as a table, for those who read better than they see, and for copying. */
export function BarsTable() {
  const app = useApp();
  const view = useSymbol();
  const [, redraw] = useState(0);
  useLayoutEffect(() => app.onTick(() => redraw((count) => count + 1)), []);
  const { interval, candles: { bars, span, kind } } = view.candles;
  const rows = bars.slice(-ROWS_MAX).reverse();
  return (
    <div class="barsTable" tabIndex={0} role="region" aria-label="Table of bars">
      <table>
        <caption>{bars.length > ROWS_MAX ? `The newest ${ROWS_MAX} of ${bars.length} bars` : `${bars.length} bars`} of {interval.title}, UTC</caption>
        <thead><tr>{['Time', 'Open', 'High', 'Low', 'Close', 'Volume'].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
        <tbody>
          {rows.map((bar) => (
            <tr key={bar.time}>
              <th scope="row">{formatMoment(bar.time / 1e6, span)}</th>
              {['open', 'high', 'low', 'close'].map((name) => <td key={name}>{groupDigits(bar[name])}</td>)}
              <td>{kind === 'quote' || bar.volume === null ? NOTHING : groupDigits(bar.volume)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
