import { SettingsError } from '@meterstone/runtime';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { SETTINGS } from './settings.ts';
import { settingsFor } from './settings-for.ts';
import { settingsTable } from './settings-table.ts';

const SETTINGS_PER_READER_MAX = 20;

function problemsOf(env: Record<string, string>, yaml: Record<string, unknown>): readonly string[] {
  try {
    settingsFor('reporting', { env, yaml });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('SETTINGS', () => {
  it('names every variable after its setting', () => {
    for (const { name, variable } of SETTINGS) expect(variable).toBe(`METERSTONE_${name.toUpperCase()}`);
  });

  it('names no setting twice and gives each a sentence', () => {
    expect(new Set(SETTINGS.map(({ name }) => name)).size).toBe(SETTINGS.length);
    for (const { doc } of SETTINGS) expect(doc).toMatch(/^[A-Z].*\.$/);
  });

  it('gives no service more than twenty settings', () => {
    for (const reader of ['proxy', 'aggregator', 'reporting'] as const) {
      const own = Object.keys(settingsFor(reader, { env: {}, yaml: null }));
      expect(own.length).toBeLessThanOrEqual(SETTINGS_PER_READER_MAX);
    }
  });
});

describe('settingsFor', () => {
  it('gives a service its own settings only, with their types', () => {
    const settings = settingsFor('reporting', { env: { METERSTONE_REPORTING_PORT: '4101' } });
    expectTypeOf(settings.reportingPort).toEqualTypeOf<number>();
    expectTypeOf(settings).not.toHaveProperty('proxyPort');
    expect(settings).toMatchObject({ reportingPort: 4101, clickhouseDatabase: 'meterstone' });
    expect(settings).not.toHaveProperty('proxyPort');
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('checks the settings of other services too, since one environment is given to all', () => {
    expect(problemsOf({ METERSTONE_PROXY_PORT: 'x' }, {})).toEqual([
      'METERSTONE_PROXY_PORT: "x" is not a whole number',
    ]);
  });

  it('reports unknown names, misplaced ones and bad values in one error', () => {
    const problems = problemsOf(
      { METERSTONE_PROXI_PORT: '1' },
      { clickhouse_password: 'hunter2', config: 'a.yaml', log_level: 'loud' },
    );
    expect(problems).toEqual([
      'settings.clickhouse_password: only as a variable (METERSTONE_CLICKHOUSE_PASSWORD), not in YAML',
      'settings.config: only as a variable (METERSTONE_CONFIG), not in YAML',
      'METERSTONE_PROXI_PORT: no setting has this name',
      expect.stringContaining('settings.log_level'),
    ]);
    expect(problems.join()).not.toContain('hunter2');
  });
});

describe('settingsTable', () => {
  it('has one row for each setting, with default, bounds, readers and sentence', () => {
    const lines = settingsTable().split('\n');
    expect(lines).toHaveLength(SETTINGS.length + 2);
    expect(lines[0]).toBe('| Variable | Default | Allowed | Read by | Meaning |');
    expect(lines).toContain(
      '| `METERSTONE_PROXY_PORT` | `4000` | 1 to 65535 (port) | proxy, cli, demo | Port of the proxy. |',
    );
  });
});
