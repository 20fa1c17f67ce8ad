import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { ask, openProxyLab, type ProxyLab } from './proxy-lab.ts';

const TEST_MS_MAX = 60_000;
/** Of 512 bytes: room for the journal of some hundred attempts. */
const FILE_BLOCKS_MAX = 400;
/** Requests. */
const AT_ONCE = 20;

let lab: ProxyLab;

beforeEach(async () => {
  lab = await openProxyLab(inject('kafkaBrokers'));
});

afterEach(() => lab.close());

async function askAll(
  url: string,
  count: number,
): Promise<{ models: string[]; statuses: Set<number | null> }> {
  const models = Array.from({ length: count }, () => `model-${randomUUID()}`);
  const statuses: (number | null)[] = [];
  // Some at a time, so that each turn writes a little.
  for (let start = 0; start < count; start += AT_ONCE) {
    const some = models.slice(start, start + AT_ONCE);
    statuses.push(...(await Promise.all(some.map((model) => ask(url, model, false)))));
  }
  return { models, statuses: new Set(statuses) };
}

async function metric(url: string, name: string): Promise<number> {
  const text = await fetch(`${url}/metrics`).then((answer) => answer.text());
  return Number(new RegExp(`^meterstone_proxy_${name}\\S* (\\S+)`, 'm').exec(text)?.[1]);
}

it('serves while the disk of the journal is full, says so, and loses nothing that Kafka takes', {
  timeout: TEST_MS_MAX,
}, async () => {
  const proxy = await lab.createProxy({
    kafkaBrokers: inject('kafkaBrokers'),
    fileBlocksMax: FILE_BLOCKS_MAX,
  });
  await proxy.start();
  const { models, statuses } = await askAll(proxy.url, 400);
  expect(statuses).toEqual(new Set([200]));
  expect(await metric(proxy.url, 'journal_failed_writes_total')).toBeGreaterThan(0);
  expect(await metric(proxy.url, 'journal_full')).toBe(1);
  expect(await metric(proxy.url, 'journal_unnoted_total')).toBeGreaterThan(0);
  expect(await metric(proxy.url, 'events_lost_total')).toBeNaN();
  await proxy.stop('SIGTERM');
  expect(proxy.log()).toContain('journal could not be written');
  const stored = new Set((await lab.readEvents()).map(({ event }) => event.requestModel));
  expect(stored).toEqual(new Set(models));
});

it('refuses requests while the disk of the journal is full, where that is the policy', {
  timeout: TEST_MS_MAX,
}, async () => {
  const proxy = await lab.createProxy({
    kafkaBrokers: inject('kafkaBrokers'),
    fileBlocksMax: FILE_BLOCKS_MAX,
    env: { METERSTONE_JOURNAL_FULL: 'refuse' },
  });
  await proxy.start();
  const { statuses } = await askAll(proxy.url, 400);
  expect(statuses).toEqual(new Set([200, 503]));
  // Those in flight when the disk filled up: with Kafka, and not in the journal.
  expect(await metric(proxy.url, 'journal_unkept_total')).toBeLessThanOrEqual(AT_ONCE);
  expect(await metric(proxy.url, 'events_lost_total')).toBeNaN();
  await proxy.stop('SIGTERM');
  const stored = new Set((await lab.readEvents()).map(({ event }) => event.requestModel));
  expect(stored).toEqual(new Set(lab.provider.seen));
});
