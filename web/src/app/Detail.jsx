/** The symbol that is open: header, chart, quote, trades. */
export function Detail() {
  return null;
}
