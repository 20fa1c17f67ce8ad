import type { SettingDefinition } from '@meterstone/runtime';
import { SETTINGS } from './settings.ts';

/** The settings as the README's Markdown table: variable, default, bounds, who reads it, its sentence. */
export function settingsTable(): string {
  const definitions: readonly SettingDefinition[] = SETTINGS;
  const rows = definitions.map((definition) =>
    row([
      `\`${definition.variable}\``,
      defaultOf(definition),
      allowed(definition),
      definition.services.join(', '),
      definition.doc,
    ]),
  );
  return [
    row(['Variable', 'Default', 'Allowed', 'Read by', 'Meaning']),
    row(Array(5).fill('---')),
    ...rows,
  ].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf(definition: SettingDefinition): string {
  const value = definition.default;
  if (value === null) return 'none';
  const text = String(value);
  return text === '' ? 'empty' : `\`${text}\``;
}

function allowed(definition: SettingDefinition): string {
  if (definition.type === 'choice') return definition.choices.join(', ');
  if (definition.type === 'flag') return 'true, false';
  const { min, max, unit } = definition;
  if (definition.type === 'integer') return `${min} to ${max}${unit === null ? '' : ` (${unit})`}`;
  const what = definition.type === 'list' ? 'entries' : 'characters';
  return `${unit === null ? '' : `${unit}, `}${min} to ${max} ${what}`;
}
