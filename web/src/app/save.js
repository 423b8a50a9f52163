/** Gives the reader a file that was made in the page. */

const KEPT_MS = 60_000; // a browser may ask for a place to put it first

/** @param {Blob|string} content a string is taken for CSV */
export function saveFile(name, content) {
  const blob = typeof content === 'string' ? new Blob([content], { type: 'text/csv;charset=utf-8' }) : content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
