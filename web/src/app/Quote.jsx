import { useLayoutEffect, useRef } from 'preact/hooks';
import { createQuotePanel } from '../hot/quotePanel.js';
import { useApp } from './context.js';
import { useSymbol } from './symbol.js';

/** Bid and ask, the day, and how far to trust them. Figures are written by hot/quotePanel.js. */
export function Quote() {
  const app = useApp();
  const view = useSymbol();
  const root = useRef();
  useLayoutEffect(() => view.onDraw(createQuotePanel(root.current, { app, view })), []);
  return (
    <section ref={root} class="quote" aria-label="Quote">
      <Side name="Bid" side="bid" />
      <Side name="Ask" side="ask" />
      <dl class="facts">
        <dt>Spread</dt>
        <dd><span class="tag" data-cell="crossed" /><span class="toEnd" data-cell="spread" /> <span class="muted toEnd" data-cell="points" /></dd>
        <dt>Mid</dt>
        <dd><span class="toEnd" data-cell="mid" /></dd>
      </dl>
      <div class="dayRange">
        <p class="dayHead"><span>Range</span><span class="muted" data-cell="range" /></p>
        <div class="dayTrack" aria-hidden="true"><i data-mark hidden /></div>
        <p class="dayEnds"><span><span class="unseen">Low </span><span data-cell="low" /></span><span><span class="unseen">High </span><span class="toEnd" data-cell="high" /></span></p>
      </div>
      <dl class="facts">
        <dt>Open</dt>
        <dd><span class="toEnd" data-cell="open" /></dd>
        <dt>Volume</dt>
        <dd><span class="toEnd" data-cell="volume" /></dd>
        <dt title="The average of the trades this page has seen, weighed by size">VWAP</dt>
        <dd><span class="toEnd" data-cell="vwap" /><small class="muted toEnd" data-cell="vwapOf" /></dd>
        <dt>Updates/s</dt>
        <dd><span class="toEnd" data-cell="rate" /><small class="muted toEnd" data-cell="skipped" /></dd>
        <dt title="The number of the last event of each stream">Sequence</dt>
        <dd><span class="toEnd" data-cell="tradeSeq" /><small class="muted toEnd" data-cell="quoteSeq" /></dd>
        <dt title="The time the source gave, UTC">Source time</dt>
        <dd><span class="toEnd" data-cell="source" /></dd>
        <dt title="When the server received it, or it was recorded, UTC">Received</dt>
        <dd><span class="toEnd" data-cell="received" /><small class="muted toEnd" data-cell="delay" /></dd>
      </dl>
    </section>
  );
}

function Side({ name, side }) {
  return (
    <div class={`quoteSide ${side}`}>
      <i data-bar={side} aria-hidden="true" />
      <span class="quoteName">{name}</span>
      <span class="quotePrice" data-price={side} />
      <span class="quoteSize"><span class="unseen">size </span><span class="toEnd" data-cell={`${side}Size`} /></span>
    </div>
  );
}
