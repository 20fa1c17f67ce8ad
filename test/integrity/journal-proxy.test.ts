import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, it, onTestFinished } from 'vitest';
import { createTcpRelay } from '../../packages/kafka/src/tcp-relay.ts';
import { ask, LONG_STREAM, openProxyLab, type ProxyLab } from './proxy-lab.ts';

const KILLS = 6;
const CLIENTS = 24;
const RENEWAL_MS = 6_500;

let lab: ProxyLab;

beforeEach(async () => {
  lab = await openProxyLab(inject('kafkaBrokers'));
});

afterEach(() => lab.close());

it(`makes one event of every attempt that the provider saw, in ${KILLS} kills of the proxy with streams in flight`, {
  timeout: 240_000,
}, async () => {
  const { provider } = lab;
  const proxy = await lab.createProxy({ kafkaBrokers: inject('kafkaBrokers') });
  let isLoading = true;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    while (isLoading) {
      await ask(proxy.url, `model-${randomUUID()}`, client % 3 !== 0);
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    await proxy.start();
    await sleep(300 + Math.random() * 500);
    if (kill === KILLS - 1) {
      const long = ask(proxy.url, LONG_STREAM, true);
      await sleep(RENEWAL_MS);
      await proxy.stop('SIGKILL');
      await long;
    } else {
      await proxy.stop('SIGKILL');
    }
  }
  isLoading = false;
  await Promise.all(clients);
  await proxy.start();
  while (readdirSync(join(proxy.folder, 'journal')).length > 1) {
    await sleep(50);
  }
  expect(await proxy.stop('SIGTERM')).toBe(0);
  expect(readdirSync(join(proxy.folder, 'journal'))).toEqual([]);

  const events = await lab.readEvents();
  const byModel = Map.groupBy(events, ({ event }) => event.requestModel ?? '');
  expect(new Set(provider.seen).size).toBe(provider.seen.length);
  expect(provider.seen.length).toBeGreaterThan(CLIENTS * KILLS);
  expect(provider.seen.filter((model) => !byModel.has(model))).toEqual([]);
  const doubled = [...byModel.values()].filter(
    (copies) =>
      new Set(
        copies.map(
          ({ event, kafkaPartition }) =>
            `${Buffer.from(event.eventId).toString('hex')} ${event.line} ${event.outcome} ${kafkaPartition}`,
        ),
      ).size > 1,
  );
  expect(doubled).toEqual([]);
  const firsts = [...byModel.values()].flatMap(([copy]) => (copy === undefined ? [] : [copy.event]));
  const orphans = firsts.filter(({ outcome }) => outcome === 'orphan');
  expect(orphans.length).toBeGreaterThan(KILLS);
  for (const orphan of orphans) {
    expect(orphan).toMatchObject({
      final: true,
      orgId: 'acme',
      apiKeyId: 'key_a',
      usageSource: 'estimated',
      requestTextBytes: 16,
      inputTokens: 4,
    });
  }
  const long = firsts.find(({ requestModel }) => requestModel === LONG_STREAM);
  expect(long?.outcome).toBe('orphan');
  expect(long?.outputDeltas).toBeGreaterThan(20);
  expect(long?.outputTokens).toBe(long?.outputDeltas);
  const unseen = firsts.filter(({ requestModel }) => !provider.seen.includes(requestModel ?? ''));
  expect(unseen.every(({ outcome }) => outcome === 'orphan')).toBe(true);
  expect(unseen.length).toBeLessThanOrEqual(CLIENTS * KILLS);
  expect(proxy.log()).toContain('journal replayed and removed');
});

it('serves through an outage of Kafka, says at its end that events wait, and the next one sends them', {
  timeout: 120_000,
}, async () => {
  const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
  onTestFinished(() => relay.cut().catch(() => undefined));
  const proxy = await lab.createProxy({ kafkaBrokers: relay.address });
  await proxy.start();
  const models = Array.from({ length: 120 }, () => `model-${randomUUID()}`);
  const askAll = (asked: readonly string[]) =>
    Promise.all(asked.map((model) => ask(proxy.url, model, false)));
  const statuses = await askAll(models.slice(0, 40));
  await relay.cut();
  statuses.push(...(await askAll(models.slice(40))));
  expect(new Set(statuses)).toEqual(new Set([200]));
  await sleep(1_000);
  const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
  expect(Number(/^meterstone_proxy_journal_bytes\S* (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(20_000);
  const age = /^meterstone_proxy_journal_oldest_unsettled_seconds\S* ([\d.]+)/m.exec(metrics)?.[1];
  expect(Number(age)).toBeGreaterThan(0.5);
  expect(await proxy.stop('SIGTERM')).toBe(1);
  expect(proxy.log()).toContain('wait in the journal for the next start');

  await relay.heal();
  await proxy.start();
  while (readdirSync(join(proxy.folder, 'journal')).length > 1) {
    await sleep(50);
  }
  expect(await proxy.stop('SIGTERM')).toBe(0);
  const events = await lab.readEvents();
  expect(new Set(events.map(({ event }) => event.requestModel))).toEqual(new Set(models));
  expect(events.every(({ event }) => event.outcome === 'ok' && event.usageSource === 'reported')).toBe(true);
  // What Kafka had taken when its answer was cut off is there twice, in the same Kafka partition.
  const places = new Set(
    events.map(
      ({ event, kafkaPartition }) => `${Buffer.from(event.eventId).toString('hex')} ${kafkaPartition}`,
    ),
  );
  expect(places.size).toBe(models.length);
});
