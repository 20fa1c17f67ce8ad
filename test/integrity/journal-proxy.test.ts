import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUsageEvent } from '@meterstone/events';
import { createKafka, ensureTopics, readRange, topicNames } from '@meterstone/kafka';
import { findFreePorts } from '@meterstone/local-stack';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { afterEach, expect, inject, it } from 'vitest';
import { stringify } from 'yaml';
import { createTcpRelay } from '../../packages/kafka/src/tcp-relay.ts';

const MAIN = join(import.meta.dirname, '../../services/proxy/src/main.ts');
const KAFKA_PARTITIONS = 4;
const KILLS = 6;
const CLIENTS = 24;
const KEY = `mst_${randomBytes(32).toString('base64url')}`;
/** Longer than the time after which a note is renewed with the deltas seen so far. */
const LONG_STREAM = 'long-stream';
const RENEWAL_MS = 6_500;

const stopping: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) {
    await stop();
  }
});

interface Provider {
  readonly url: string;
  /** The model names of the requests that came, each of them used once: what a provider may bill. */
  readonly seen: string[];
}

async function startProvider(): Promise<Provider> {
  const seen: string[] = [];
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    // By the headers alone a provider has begun its work.
    const body = JSON.parse(
      await new Promise<string>((resolve) => {
        request.on('data', (part: Buffer) => parts.push(part));
        request.on('end', () => resolve(Buffer.concat(parts).toString()));
        request.on('error', () => undefined);
      }),
    ) as { readonly model: string; readonly stream?: boolean };
    seen.push(body.model);
    await (body.stream === true ? stream(response, body.model) : answer(response, body.model));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stopping.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

async function answer(response: ServerResponse, model: string): Promise<void> {
  await sleep(Math.random() * 60);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ id: 'c', object: 'chat.completion', model, choices: [], usage: USAGE }));
}

async function stream(response: ServerResponse, model: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const frames = model === LONG_STREAM ? 1_000 : 5 + Math.floor(Math.random() * 20);
  const delta = JSON.stringify({ id: 'c', model, choices: [{ index: 0, delta: { content: 'x' } }] });
  for (let frame = 0; frame < frames && !response.destroyed; frame++) {
    response.write(`data: ${delta}\n\n`);
    await sleep(15);
  }
  response.end(`data: ${JSON.stringify({ id: 'c', model, choices: [], usage: USAGE })}\n\ndata: [DONE]\n\n`);
}

interface Proxy {
  readonly url: string;
  readonly folder: string;
  start(): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<number | null>;
  log(): string;
}

interface ProxyParts {
  readonly providerUrl: string;
  readonly topicPrefix: string;
  readonly kafkaBrokers: string;
}

async function createProxy({ providerUrl, topicPrefix, kafkaBrokers }: ProxyParts): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'journal-proxy-'));
  stopping.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'log'));
  writeFileSync(join(folder, 'secret'), 'sk-provider-0123456789');
  writeFileSync(
    join(folder, 'meterstone.yaml'),
    stringify({
      providers: {
        openai: { kind: 'openai', base_url: providerUrl, credential: `file:${join(folder, 'secret')}` },
      },
      orgs: {
        acme: {
          keys: [
            {
              id: 'key_a',
              name: 'a',
              sha256: createHash('sha256').update(KEY).digest('hex'),
              scopes: ['proxy'],
            },
          ],
        },
      },
    }),
  );
  const [port] = await findFreePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, 'log', 'proxy.log');
  const log = openSync(logFile, 'a');
  let child: ChildProcess | null = null;
  const proxy: Proxy = {
    url,
    folder,
    async start() {
      child = spawn(process.execPath, [MAIN], {
        cwd: folder,
        detached: true,
        stdio: ['ignore', log, log],
        env: {
          PATH: process.env['PATH'],
          METERSTONE_CONFIG: join(folder, 'meterstone.yaml'),
          METERSTONE_FOLDER: folder,
          // As in a container, where every start has the same name and process id.
          METERSTONE_INSTANCE: 'proxy-1',
          METERSTONE_PROXY_PORT: String(port),
          METERSTONE_KAFKA_BROKERS: kafkaBrokers,
          METERSTONE_TOPIC_PREFIX: topicPrefix,
          METERSTONE_KAFKA_PARTITIONS: String(KAFKA_PARTITIONS),
        },
      });
      while (!(await isReady(url))) {
        expect(child.exitCode).toBeNull();
        await sleep(20);
      }
    },
    async stop(signal) {
      if (child === null || child.exitCode !== null || child.signalCode !== null) {
        return child?.exitCode ?? null;
      }
      const gone = once(child, 'exit');
      child.kill(signal);
      const [code] = (await gone) as [number | null];
      return code;
    },
    log: () => readFileSync(logFile, 'utf8'),
  };
  stopping.push(() => proxy.stop('SIGKILL'));
  return proxy;
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The status; `null`: there was no whole answer. */
async function ask(url: string, model: string, isStream: boolean): Promise<number | null> {
  try {
    const response = await fetch(`${url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        stream: isStream,
        messages: [{ role: 'user', content: 'Twelve bytes' }],
      }),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    // The proxy died: whether the provider saw the request is what this test is about.
    await sleep(20);
    return null;
  }
}

async function createTopics(): Promise<string> {
  const topicPrefix = `journal-${randomUUID()}`;
  const logger = createLogger({ service: 'journal-proxy', level: 'silent' });
  const kafka = createKafka({
    brokers: inject('kafkaBrokers').split(','),
    clientId: 'journal-proxy',
    logger,
  });
  await ensureTopics(kafka, { prefix: topicPrefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 });
  return topicPrefix;
}

async function readEvents(topicPrefix: string): Promise<{ event: UsageEvent; kafkaPartition: number }[]> {
  const logger = createLogger({ service: 'journal-proxy', level: 'silent' });
  const kafka = createKafka({
    brokers: inject('kafkaBrokers').split(','),
    clientId: 'journal-proxy',
    logger,
  });
  const { usageEvents: topic } = topicNames(topicPrefix);
  const events: { event: UsageEvent; kafkaPartition: number }[] = [];
  for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
    const range = { kafka, topic, kafkaPartition, from: 0, to: Number.MAX_SAFE_INTEGER };
    for (const { value } of await readRange(range)) {
      events.push({ event: decodeUsageEvent(value ?? Buffer.alloc(0)), kafkaPartition });
    }
  }
  return events;
}

it(`makes one event of every attempt that the provider saw, in ${KILLS} kills of the proxy with streams in flight`, {
  timeout: 240_000,
}, async () => {
  const topicPrefix = await createTopics();
  const provider = await startProvider();
  const proxy = await createProxy({
    providerUrl: provider.url,
    topicPrefix,
    kafkaBrokers: inject('kafkaBrokers'),
  });
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

  const events = await readEvents(topicPrefix);
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
  const topicPrefix = await createTopics();
  const provider = await startProvider();
  const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
  stopping.push(() => relay.cut().catch(() => undefined));
  const proxy = await createProxy({ providerUrl: provider.url, topicPrefix, kafkaBrokers: relay.address });
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
  const events = await readEvents(topicPrefix);
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
