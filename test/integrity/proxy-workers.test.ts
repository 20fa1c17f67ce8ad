import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { ask, openProxyLab, type ProxyLab, type ProxyProcess } from './proxy-lab.ts';

const TEST_MS_MAX = 120_000;
const CLIENTS = 12;
const KILLS = 3;

let lab: ProxyLab;

beforeEach(async () => {
  lab = await openProxyLab(inject('kafkaBrokers'));
});

afterEach(() => lab.close());

function createCluster(kafkaBrokers: string): Promise<ProxyProcess> {
  return lab.createProxy({ kafkaBrokers, env: { METERSTONE_PROXY_WORKERS: '2' } });
}

/** Sum of a metric at the primary's doors. */
async function metric({ doorsUrl }: ProxyProcess, name: string): Promise<number> {
  const text = await fetch(`${doorsUrl}/metrics`).then((answer) => answer.text());
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Process ids of the workers that have a journal. */
function workerPids({ folder }: ProxyProcess): number[] {
  const names = readdirSync(join(folder, 'journal'));
  const pids = names.map((name) => Number(/^proxy-1-\d-(\d+)-/.exec(name)?.[1]));
  return pids.filter((pid) => isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] !== 'Z';
  } catch {
    return false;
  }
}

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await sleep(30);
}

it('loses no attempt when workers are killed under load, and tells of all workers together', {
  timeout: TEST_MS_MAX,
}, async () => {
  const proxy = await createCluster(inject('kafkaBrokers'));
  await proxy.start(proxy.doorsUrl);
  expect(workerPids(proxy).length).toBe(2);
  expect((await fetch(`${proxy.doorsUrl}/healthz`)).status).toBe(200);
  const first = Array.from({ length: 40 }, () => `model-${randomUUID()}`);
  expect(new Set(await Promise.all(first.map((model) => ask(proxy.url, model, false))))).toEqual(
    new Set([200]),
  );
  // Whichever of the two served them.
  expect(await metric(proxy, 'meterstone_proxy_attempts_total')).toBe(first.length);
  expect(await metric(proxy, 'meterstone_proxy_workers')).toBe(2);

  let isLoading = true;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    while (isLoading) await ask(proxy.url, `model-${randomUUID()}`, client % 3 !== 0);
  });
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(400);
    const [victim = 0] = workerPids(proxy);
    process.kill(victim, 'SIGKILL');
    await until(async () => (await fetch(`${proxy.doorsUrl}/readyz`)).status === 503);
    await until(async () => (await fetch(`${proxy.doorsUrl}/readyz`)).ok);
    expect(workerPids(proxy)).not.toContain(victim);
  }
  isLoading = false;
  await Promise.all(clients);
  expect(await metric(proxy, 'meterstone_proxy_worker_deaths_total')).toBe(KILLS);
  // What dead workers were last seen to have counted stays in the sum.
  expect(await metric(proxy, 'meterstone_proxy_attempts_total')).toBeGreaterThanOrEqual(first.length);
  await until(() => readdirSync(join(proxy.folder, 'journal')).length === 2);
  expect(await proxy.stop('SIGTERM')).toBe(0);
  expect(readdirSync(join(proxy.folder, 'journal'))).toEqual([]);

  const byModel = Map.groupBy(await lab.readEvents(), ({ event }) => event.requestModel ?? '');
  const { seen } = lab.provider;
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.filter((model) => !byModel.has(model))).toEqual([]);
  const strange = [...byModel.keys()].filter((model) => !seen.includes(model));
  expect(strange.length).toBeLessThanOrEqual(KILLS * CLIENTS);
  const doubled = [...byModel.values()].filter((copies) => {
    const said = copies.map(({ event, kafkaPartition }) =>
      [Buffer.from(event.eventId).toString('hex'), event.line, event.outcome, kafkaPartition].join(),
    );
    return new Set(said).size > 1;
  });
  expect(doubled).toEqual([]);
});

it('takes its workers along when the primary is killed, and the next start sends what they left', {
  timeout: TEST_MS_MAX,
}, async () => {
  const proxy = await createCluster(inject('kafkaBrokers'));
  await proxy.start(proxy.doorsUrl);
  const asked = Array.from({ length: 20 }, () => ask(proxy.url, `model-${randomUUID()}`, true));
  await until(() => lab.provider.seen.length === 20);
  const pids = workerPids(proxy);
  await proxy.stop('SIGKILL');
  await Promise.all(asked);
  await until(() => pids.every((pid) => !isAlive(pid)));
  await proxy.start(proxy.doorsUrl);
  await until(() => readdirSync(join(proxy.folder, 'journal')).length === 2);
  expect(await proxy.stop('SIGTERM')).toBe(0);
  const models = new Set((await lab.readEvents()).map(({ event }) => event.requestModel));
  expect(models).toEqual(new Set(lab.provider.seen));
});

it('ends with an error where a worker cannot start', { timeout: TEST_MS_MAX }, async () => {
  const proxy = await lab.createProxy({
    kafkaBrokers: inject('kafkaBrokers'),
    env: { METERSTONE_PROXY_WORKERS: '2', METERSTONE_FOLDER: '/dev/null' },
  });
  await expect(proxy.start(proxy.doorsUrl)).rejects.toThrow('could not start');
});
