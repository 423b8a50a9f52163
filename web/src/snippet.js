/** "Connect your own client": one line that works when pasted into a terminal. */

const SAID_MS = 1500;

export function createSnippet({ code, button }, socketUrl) {
  code.textContent = `npx wscat -c "${socketUrl}?symbols=*"`;
  code.title = code.textContent;
  button.addEventListener('click', async () => {
    const isCopied = await copyText(code);
    button.textContent = isCopied ? 'Copied' : 'Selected';
    setTimeout(() => { button.textContent = 'Copy'; }, SAID_MS);
  });
}

/** Browsers give the clipboard to secure pages only; elsewhere the selection is copied the old way. */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand('copy');
  }
}
