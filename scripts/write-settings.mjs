// Puts the list of settings into the README, between its two markers: `npm run docs:settings`.
import { readFileSync, writeFileSync } from 'node:fs';
import { settingsTable } from '@meterstone/control';

const path = new URL('../README.md', import.meta.url);
const text = readFileSync(path, 'utf8');
const table = `<!-- settings -->\n${settingsTable()}\n<!-- /settings -->`;
writeFileSync(
  path,
  text.replace(/<!-- settings -->[\s\S]*<!-- \/settings -->/, () => table),
);
