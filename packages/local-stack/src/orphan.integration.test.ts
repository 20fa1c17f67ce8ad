import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { commandLineReader } from './command-line.ts';
import { findFreePorts } from './ports.ts';
import { type StackOptions, startStack } from './stack.ts';

const cacheFolder = fileURLToPath(new URL('../../../.meterstone/cache', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'orphan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [kafka = 0, kafkaController = 0, http = 0, tcp = 0] = await findFreePorts(4);
const ports = { kafka: [kafka], kafkaController, clickhouseHttp: [http], clickhouseTcp: [tcp] };
const options: Omit<StackOptions, 'env'> = { folder, cacheFolder, ports };

/** A process that runs a stack and a service, and writes the ids of all that it started. */
const PARENT = `
import { startStack, supervise } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
const options = ${JSON.stringify(options)};
const stack = await startStack({ ...options, env: process.env });
const { folder } = options;
const service = { name: 'service', command: 'sh', args: ['-c', process.argv[2]], logFile: folder + '/log/service.log', folder };
const child = supervise(service);
setTimeout(() => {
  const pids = { ...stack.pids(), service: child.pid, 'service-guardian': child.guardianPid };
  process.stdout.write(JSON.stringify(pids));
}, 200);
`;

type Family = { parent: ChildProcess; pids: Record<string, number> };

async function startFamily(service: string): Promise<Family> {
  const script = join(folder, 'parent.mjs');
  writeFileSync(script, PARENT);
  const parent = spawn(process.execPath, [script, service], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = await once(parent.stdout, 'data');
  return { parent, pids: JSON.parse(String(chunk)) };
}

const running = (pids: Record<string, number>): string[] =>
  Object.keys(pids).filter((name) => commandLineReader()(pids[name] ?? 0) !== null);

it('leaves no process when the parent is killed with -9, not even one that ignores SIGTERM', async () => {
  const { parent, pids } = await startFamily("trap '' TERM; while :; do sleep 1; done");
  expect(running(pids)).toHaveLength(6);
  parent.kill('SIGKILL');
  await expect.poll(() => running(pids), { timeout: 20_000 }).toEqual([]);
});

it('leaves no process when the parent ends without stopping anything', async () => {
  const { parent, pids } = await startFamily('exec sleep 600');
  parent.kill('SIGTERM');
  await expect.poll(() => running(pids), { timeout: 20_000 }).toEqual([]);
});

it('clears at the next start what outlived both parent and guardians', async () => {
  const { parent, pids } = await startFamily('sleep 600 & echo $!; wait');
  // A stopped parent cannot see its guardians go, as one killed in the same instant could not.
  parent.kill('SIGSTOP');
  for (const [name, pid] of Object.entries(pids)) if (name.endsWith('guardian')) process.kill(pid, 'SIGKILL');
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  // ClickHouse goes by itself with its input; the JVM and the service notice nothing.
  expect(running(pids)).toEqual(expect.arrayContaining(['kafka-1', 'service']));
  const grandchild = Number(
    readFileSync(join(folder, 'log', 'service.log'), 'utf8')
      .trim()
      .split('\n')
      .at(-1),
  );
  expect(commandLineReader()(grandchild)).toBe('sleep 600');
  const lines: string[] = [];
  const onProgress = (line: string): number => lines.push(line);
  // On the same ports: it starts only if what held them is gone.
  const stack = await startStack({ ...options, env: process.env, onProgress });
  expect(running(pids)).toEqual([]);
  expect(commandLineReader()(grandchild)).toBeNull();
  expect(lines[0]).toMatch(/ending what an earlier run had left: .*kafka-1.*service/);
  await stack.stop(0);
  await expect.poll(() => readdirSync(join(folder, 'pids'))).toEqual([]);
});
