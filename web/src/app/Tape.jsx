/** Every trade as it comes. */
export function Tape() {
  return null;
}
