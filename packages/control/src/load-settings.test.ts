import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from './load-settings.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('loadSettings', () => {
  it('takes the settings of all files, the later winning and variables above them', async () => {
    const one = await write('one.yaml', 'settings: { reporting_port: 1, clickhouse_database: one }');
    const two = await write('two.yaml', 'settings: { reporting_port: 2, log_level: warn }');
    const env = { METERSTONE_CONFIG: `${one}, ${two}`, METERSTONE_LOG_LEVEL: 'error' };
    expect(await loadSettings('reporting', env)).toMatchObject({
      config: [one, two],
      reportingPort: 2,
      clickhouseDatabase: 'one',
      logLevel: 'error',
    });
  });

  it('reports the faults of files and environment together', async () => {
    const path = await write('one.yaml', 'setings: {}');
    const env = { METERSTONE_CONFIG: path, METERSTONE_PROXI_PORT: '1' };
    await expect(loadSettings('reporting', env)).rejects.toMatchObject({
      code: 'invalid_config',
      problems: [
        { file: path, line: 1, path: 'setings', message: 'unknown key' },
        { file: 'environment', message: 'METERSTONE_PROXI_PORT: no setting has this name' },
      ],
    });
  });

  it('reports settings alone as settings', async () => {
    const path = await write('one.yaml', 'settings: { reporting_port: many }');
    await expect(loadSettings('reporting', { METERSTONE_CONFIG: path })).rejects.toMatchObject({
      code: 'invalid_settings',
    });
  });

  it('names the file that is missing', async () => {
    const path = join(folder, 'none.yaml');
    await expect(loadSettings('reporting', { METERSTONE_CONFIG: path })).rejects.toThrow(
      /none\.yaml: no such file/,
    );
  });
});
