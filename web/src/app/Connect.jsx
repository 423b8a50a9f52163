/** Code that connects. */
export function Connect() {
  return null;
}
