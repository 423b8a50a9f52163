/** The sheets over the page; fetched when the first one is opened. */
import { AlertSheet } from './AlertSheet.jsx';
import { Columns } from './Columns.jsx';
import { KeyMap } from './KeyMap.jsx';
import { Lists } from './Lists.jsx';
import { Palette } from './Palette.jsx';
import { Settings } from './Settings.jsx';

export function Sheets() {
  return <><Palette /><KeyMap /><Settings /><Columns /><Lists /><AlertSheet /></>;
}
