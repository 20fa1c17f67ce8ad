import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStoreClient, migrate } from '@meterstone/store';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { EXAMPLE_KEYS, EXAMPLE_YAML } from './example.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

let folder = '';
let child: ChildProcess | null = null;
let output = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meterstone-reporting-main-'));
  output = '';
});
afterEach(async () => {
  child?.kill('SIGKILL');
  child = null;
  await rm(folder, { recursive: true });
});

async function start(yaml: string, env: Record<string, string>): Promise<ChildProcess> {
  const configPath = join(folder, 'meterstone.yaml');
  await writeFile(configPath, yaml);
  const started = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { PATH: process.env['PATH'], METERSTONE_CONFIG: configPath, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [started.stdout, started.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  child = started;
  return started;
}

/** A port that was free a moment ago: 0 is out of bounds for the setting. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('the reporting process', () => {
  it('becomes ready when the tables are there, answers, and ends cleanly on SIGTERM', async () => {
    const database = `reporting_main_${randomBytes(4).toString('hex')}`;
    const clickhouseUrl = inject('clickhouseUrl');
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const started = await start(EXAMPLE_YAML, {
      METERSTONE_REPORTING_PORT: String(port),
      METERSTONE_CLICKHOUSE_URL: clickhouseUrl,
      METERSTONE_CLICKHOUSE_DATABASE: database,
    });
    const ready = async () => (await fetch(`${url}/readyz`)).status;
    await vi.waitFor(async () => expect(await ready()).toBe(503), { timeout: 20_000, interval: 100 });
    const admin = createStoreClient({ url: clickhouseUrl, username: 'default', password: '', database });
    await migrate({ client: admin, database });
    await admin.close();
    await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 20_000, interval: 100 });

    const headers = { authorization: `Bearer ${EXAMPLE_KEYS.report}` };
    const report = await fetch(`${url}/v1/report?start_date=2026-01-01&end_date=2026-01-02`, { headers });
    expect(await report.json()).toEqual({ results: [] });

    const ended = once(started, 'exit');
    started.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(output).not.toMatch(/mst_|Bearer/);
  });

  it('does not start with faults in file and environment, and names them all', async () => {
    const started = await start('orgs: { acme: { keys: [{ id: k }] } }', { METERSTONE_PROXI_PORT: '1' });
    expect(await once(started, 'exit')).toEqual([1, null]);
    expect(output).toMatch(/orgs\.acme\.keys\[0\]\.sha256/);
    expect(output).toContain('METERSTONE_PROXI_PORT');
  });
});
