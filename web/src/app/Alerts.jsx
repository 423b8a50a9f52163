/** What the reader wants to be told. */
export function Alerts() {
  return null;
}
