/**
 * What the reader chose, kept in the browser as one JSON text. Works without storage (then until the
 * page is left), with storage of an older or newer schema, and with rubbish in it: what cannot be
 * read falls back to the default, setting by setting.
 */
import { effect, signal } from './signal.js';

export const STORAGE_KEY = 'pricecast';
export const SCHEMA = 1;

const oneOf = (...words) => ({ fallback: words[0], check: (value) => words.includes(value) });
const flag = (fallback) => ({ fallback, check: (value) => typeof value === 'boolean' });
const isText = (value) => typeof value === 'string' && value.length > 0 && value.length <= 256;
const listOf = (check, max, fallback = []) => ({
  fallback,
  check: (value) => Array.isArray(value) && value.length <= max && value.every(check),
});

const SETTINGS = {
  theme: oneOf('auto', 'dark', 'light'),
  palette: oneOf('signal', 'classic', 'eastasia'),
  density: oneOf('comfortable', 'compact'),
  letters: flag(true),
  calm: flag(false),
  detail: flag(true),
  seenIntro: flag(false),
  starred: listOf(isText, 10_000),
  lists: {
    fallback: {},
    check: (value) => isRecord(value) && Object.entries(value).length <= 100
      && Object.entries(value).every(([name, symbols]) => isText(name) && Array.isArray(symbols) && symbols.every(isText)),
  },
  columns: listOf(isText, 32),
  alerts: listOf(isRecord, 1000),
  notify: flag(false),
  alertsInReplay: flag(false),
  chart: { fallback: {}, check: isRecord },
};

/**
 * @param {Storage|null} storage null where the browser refuses it
 * @returns an object of signals, one a setting, with `exportText()`, `importText()` and `reset()`
 */
export function createSettings(storage) {
  const settings = {};
  const stored = readStored(storage);
  for (const [name, { fallback, check }] of Object.entries(SETTINGS)) {
    settings[name] = signal(check(stored[name]) ? stored[name] : fallback);
  }
  let isFirst = true;
  effect(() => {
    const text = exportText();
    if (!isFirst) writeStored(storage, text);
    isFirst = false;
  });
  return Object.assign(settings, { exportText, importText, reset });

  function exportText() {
    const values = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, settings[name].value]));
    return JSON.stringify({ schema: SCHEMA, ...values });
  }

  /** @returns {string} what is wrong with it; '' when it was taken */
  function importText(text) {
    let values;
    try {
      values = JSON.parse(text);
    } catch {
      return 'This is not a settings file: it is not JSON.';
    }
    if (!isRecord(values) || !Number.isInteger(values.schema)) return 'This is not a settings file.';
    if (values.schema > SCHEMA) return 'This file is of a newer pricecast.';
    const wrong = Object.keys(SETTINGS).filter((name) => name in values && !SETTINGS[name].check(values[name]));
    if (wrong.length > 0) return `This file has no valid ${wrong.join(', ')}.`;
    for (const name of Object.keys(SETTINGS)) if (name in values) settings[name].value = values[name];
    return '';
  }

  function reset() {
    for (const [name, { fallback }] of Object.entries(SETTINGS)) settings[name].value = fallback;
  }
}

function readStored(storage) {
  try {
    const values = JSON.parse(storage.getItem(STORAGE_KEY));
    return isRecord(values) && values.schema <= SCHEMA ? values : {};
  } catch {
    return {};
  }
}

function writeStored(storage, text) {
  try {
    storage.setItem(STORAGE_KEY, text);
  } catch {
    // full or forbidden: the choice holds until the page is left
  }
}

function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
