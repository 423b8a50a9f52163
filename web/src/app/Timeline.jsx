/** The clock of the page, and its controls. */
export function Timeline() {
  return null;
}
