/** The filter box: `/` goes there from anywhere, Esc clears it and then leaves it. */
export function createFilterBox(input, onChange) {
  input.addEventListener('input', () => onChange(input.value));
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    if (input.value === '') input.blur();
    else clear();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.('input, textarea, select, [contenteditable]')) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  return { clear, get text() { return input.value.trim(); } };

  function clear() {
    input.value = '';
    onChange('');
  }
}
