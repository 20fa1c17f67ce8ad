import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUsageEvent } from '@meterstone/events';
import { createKafka, ensureTopics, type KafkaClient, readRange, topicNames } from '@meterstone/kafka';
import { findFreePorts } from '@meterstone/local-stack';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { stringify } from 'yaml';

/** A proxy as a process of its own, before a provider that keeps its own books, with a topic of its own. */
export interface ProxyLab {
  readonly provider: Provider;
  /** A proxy that is not started, reaching Kafka at an address of the caller's. */
  createProxy(parts: {
    kafkaBrokers: string;
    env?: Readonly<Record<string, string>>;
    /** Its files can grow no further, as on a full disk. @default as large as they like */
    fileBlocksMax?: number;
  }): Promise<ProxyProcess>;
  /** Every event on the topic. */
  readEvents(): Promise<EventOnKafka[]>;
  close(): Promise<void>;
}

interface EventOnKafka {
  readonly event: UsageEvent;
  readonly kafkaPartition: number;
}

interface Provider {
  readonly url: string;
  /** The model names of the requests that came, each of them used once: what a provider may bill. */
  readonly seen: string[];
}

export interface ProxyProcess {
  readonly url: string;
  /** Of the primary's doors, where there are several workers. */
  readonly doorsUrl: string;
  readonly folder: string;
  /** Resolves when it is ready, as it says at `readyUrl`; by default at its own. */
  start(readyUrl?: string): Promise<void>;
  /** Resolves with its exit status. */
  stop(signal: NodeJS.Signals): Promise<number | null>;
  log(): string;
}

/** A model whose stream takes longer than the time after which a note is renewed with the deltas seen so far. */
export const LONG_STREAM = 'long-stream';

const MAIN = join(import.meta.dirname, '../../services/proxy/src/main.ts');
const KAFKA_PARTITIONS = 4;
const KEY = `mst_${randomBytes(32).toString('base64url')}`;

/** Makes the topic and starts the provider. */
export async function openProxyLab(kafkaBrokers: string): Promise<ProxyLab> {
  const stopping: Stopping = [];
  const logger = createLogger({ service: 'proxy-lab', level: 'silent' });
  const kafka = createKafka({ brokers: kafkaBrokers.split(','), clientId: 'proxy-lab', logger });
  const topicPrefix = `proxy-lab-${randomUUID()}`;
  await ensureTopics(kafka, { prefix: topicPrefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 });
  const provider = await startProvider(stopping);
  return {
    provider,
    createProxy: ({ kafkaBrokers: brokers, env = {}, fileBlocksMax = null }) =>
      createProxy({
        providerUrl: provider.url,
        topicPrefix,
        kafkaBrokers: brokers,
        env,
        fileBlocksMax,
        stopping,
      }),
    readEvents: () => readEvents(kafka, topicPrefix),
    close: async () => {
      for (const stop of stopping.splice(0).reverse()) await stop();
    },
  };
}

type Stopping = (() => Promise<unknown> | unknown)[];

async function startProvider(stopping: Stopping): Promise<Provider> {
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

interface ProxyParts {
  readonly providerUrl: string;
  readonly topicPrefix: string;
  readonly kafkaBrokers: string;
  readonly env: Readonly<Record<string, string>>;
  readonly fileBlocksMax: number | null;
  readonly stopping: Stopping;
}

async function createProxy(parts: ProxyParts): Promise<ProxyProcess> {
  const { providerUrl, stopping } = parts;
  const folder = mkdtempSync(join(tmpdir(), 'journal-proxy-'));
  stopping.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'log'));
  writeConfig(folder, providerUrl);
  const [port, doorsPort] = await findFreePorts(2);
  const url = `http://127.0.0.1:${port}`;
  const ports = { METERSTONE_PROXY_PORT: String(port), METERSTONE_PROXY_DOORS_PORT: String(doorsPort) };
  const logFile = join(folder, 'log', 'proxy.log');
  const log = openSync(logFile, 'a');
  let child: ChildProcess | null = null;
  const proxy: ProxyProcess = {
    url,
    doorsUrl: `http://127.0.0.1:${doorsPort}`,
    folder,
    async start(readyUrl = url) {
      const [command = '', ...args] = commandOf(parts);
      child = spawn(command, args, {
        cwd: folder,
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...environmentOf(folder, parts), ...ports },
      });
      while (!(await isReady(readyUrl))) {
        if (child.exitCode !== null) throw new Error(readFileSync(logFile, 'utf8'));
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

/** The kernel refuses to let a file grow beyond the limit, without any rights asked for: a write ends half way, then fails. */
function commandOf({ fileBlocksMax }: ProxyParts): string[] {
  return fileBlocksMax === null
    ? [process.execPath, MAIN]
    : ['/bin/sh', '-c', `ulimit -f ${fileBlocksMax}; exec "$0" "$1"`, process.execPath, MAIN];
}

function environmentOf(folder: string, { kafkaBrokers, topicPrefix, env }: ProxyParts) {
  return {
    PATH: process.env['PATH'],
    METERSTONE_CONFIG: join(folder, 'meterstone.yaml'),
    METERSTONE_FOLDER: folder,
    // As in a container, where every start has the same name and process id.
    METERSTONE_INSTANCE: 'proxy-1',
    METERSTONE_KAFKA_BROKERS: kafkaBrokers,
    METERSTONE_TOPIC_PREFIX: topicPrefix,
    METERSTONE_KAFKA_PARTITIONS: String(KAFKA_PARTITIONS),
    ...env,
  };
}

function writeConfig(folder: string, providerUrl: string): void {
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
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The status; `null`: there was no whole answer. */
export async function ask(url: string, model: string, isStream: boolean): Promise<number | null> {
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

async function readEvents(kafka: KafkaClient, topicPrefix: string): Promise<EventOnKafka[]> {
  const { usageEvents: topic } = topicNames(topicPrefix);
  const events: EventOnKafka[] = [];
  for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
    const range = { kafka, topic, kafkaPartition, from: 0, to: Number.MAX_SAFE_INTEGER };
    for (const { value } of await readRange(range)) {
      events.push({ event: decodeUsageEvent(value ?? Buffer.alloc(0)), kafkaPartition });
    }
  }
  return events;
}
