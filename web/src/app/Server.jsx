/** What the server does. */
export function Server() {
  return null;
}
