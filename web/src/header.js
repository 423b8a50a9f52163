/** The column headers: which one sorts, by click or keyboard, and what assistive technology hears. */
import { nextSort } from './order.js';

/** @param {HTMLElement} head @param {(sort) => void} onSort @returns the sort now in force, as a getter */
export function createHeader(head, onSort) {
  const headers = [...head.querySelectorAll('[data-column]')];
  let sort = { column: 'symbol', descending: false };
  for (const header of headers) {
    header.querySelector('button').addEventListener('click', () => {
      sort = nextSort(sort, header.dataset.column);
      show();
      onSort(sort);
    });
  }
  show();
  return { get sort() { return sort; } };

  function show() {
    for (const header of headers) {
      if (header.dataset.column !== sort.column) header.removeAttribute('aria-sort');
      else header.setAttribute('aria-sort', sort.descending ? 'descending' : 'ascending');
    }
  }
}
