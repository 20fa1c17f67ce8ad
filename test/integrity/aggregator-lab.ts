import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createKafka,
  createProducer,
  ensureTopics,
  fetchPositions,
  type KafkaClient,
  type LogBounds,
  type RecordProducer,
  readLogBounds,
  topicNames,
} from '@meterstone/kafka';
import { createLogger, createRegistry, type Registry, retry } from '@meterstone/runtime';
import { ADDITIVE_COLUMNS, createStoreClient, migrate, ROLLUPS, type StoreClient } from '@meterstone/store';
import { type Aggregator, createAggregator } from '../../services/aggregator/src/aggregator.ts';
import {
  EXAMPLE_SECRET,
  exampleBytes,
  exampleEvent,
  exampleTerms,
} from '../../services/aggregator/src/example.ts';

const POLL_MS = 100;
const REST_MS_MAX = 90_000;
const SEND_EVENTS = 500;
const SEND_RETRY = { attemptsMax: 30, delayMs: 200, delayMsMax: 2_000, random: Math.random };

/** A topic and a database of a test's own, and what it needs to hurt aggregators and to see what is left. */
export interface AggregatorLab {
  readonly kafka: KafkaClient;
  readonly store: StoreClient;
  readonly topic: string;
  readonly groupId: string;
  readonly prefix: string;
  readonly database: string;
  /** Events by Kafka partition that were produced so far. */
  readonly produced: readonly number[];
  /** Produces so many new events to a Kafka partition; where no answer came, some of them twice. */
  produce(kafkaPartition: number, count: number): Promise<void>;
  /** Produces the first events of a Kafka partition once more, as a client that heard no answer does. */
  repeat(kafkaPartition: number, count: number): Promise<void>;
  /** An aggregator in this process, through other addresses if some are given; not started. */
  open(at?: { kafkaBrokers?: string; clickhouseUrl?: string; instance?: string }): Aggregator;
  /** Waits until all that was produced is committed; throws with what is missing. */
  rest(): Promise<void>;
  /** What is wrong with what is stored, in words; none = every event once, everywhere. */
  findings(): Promise<string[]>;
  rows(query: string): Promise<Record<string, string>[]>;
  /** Sum of a metric of the aggregators opened here, named without its prefix, over the labels that hold a text. */
  metric(name: string, label?: string): Promise<number>;
  close(): Promise<void>;
}

/** Opens a lab on a stack. */
export async function openAggregatorLab(
  stack: { kafkaBrokers: string; clickhouseUrl: string },
  kafkaPartitions: number,
  replicationFactor = 1,
): Promise<AggregatorLab> {
  const suffix = randomBytes(5).toString('hex');
  const prefix = `lab-${suffix}`;
  const database = `lab_${suffix}`;
  const topic = topicNames(prefix).usageEvents;
  const groupId = `${prefix}.aggregator`;
  const kafka = openKafka(stack.kafkaBrokers);
  const store = openStore(stack.clickhouseUrl, database);
  await ensureTopics(kafka, { prefix, kafkaPartitions, replicationFactor });
  await migrate({ client: store, database });
  const producer = createProducer({ kafka, topic });
  const produced = Array.from({ length: kafkaPartitions }, () => 0);
  const openedAt = Date.now();
  const clients: StoreClient[] = [store];
  const registries: Registry[] = [];
  const rows = (query: string) => readRows(store, query);
  return {
    kafka,
    store,
    topic,
    groupId,
    prefix,
    database,
    produced,
    produce: async (kafkaPartition, count) => {
      const from = produced[kafkaPartition] ?? 0;
      await produceEvents(producer, { kafkaPartition, from, count, openedAt });
      produced[kafkaPartition] = from + count;
    },
    repeat: (kafkaPartition, count) => produceEvents(producer, { kafkaPartition, from: 0, count, openedAt }),
    open({ kafkaBrokers = stack.kafkaBrokers, clickhouseUrl = stack.clickhouseUrl, instance } = {}) {
      const client = openStore(clickhouseUrl, database);
      clients.push(client);
      const registry = createRegistry({ service: 'lab' });
      registries.push(registry);
      return createAggregator({
        kafka: openKafka(kafkaBrokers),
        topicPrefix: prefix,
        kafkaPartitions,
        replicationFactor,
        store: client,
        database,
        terms: () => TERMS,
        loadTerms: async () => TERMS,
        instance: instance ?? null,
        userKeySecret: EXAMPLE_SECRET,
        flushAgeMs: 0,
        registry,
        logger: LOGGER,
        now: Date.now,
        random: Math.random,
      });
    },
    rest: () => waitForRest({ kafka, groupId, topic }),
    findings: async () => {
      const total = produced.reduce((sum, count) => sum + count, 0);
      return [
        ...(await findWrong(rows, total)),
        ...(await findHoles(rows, await readLogBounds(kafka, topic))),
      ];
    },
    rows,
    metric: (name, label = '') => sumMetric(registries, name, label),
    close: async () => {
      await producer.close();
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

const TERMS = exampleTerms();
const LOGGER = createLogger({ service: 'lab', level: 'silent' });

function openKafka(brokers: string): KafkaClient {
  return createKafka({ brokers: brokers.split(','), clientId: 'lab', logger: LOGGER });
}

function openStore(url: string, database: string): StoreClient {
  return createStoreClient({ url, username: 'default', password: '', database });
}

async function readRows(store: StoreClient, query: string): Promise<Record<string, string>[]> {
  const answer = await store.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 },
  });
  return answer.json<Record<string, string>>();
}

async function sumMetric(registries: readonly Registry[], name: string, label: string): Promise<number> {
  const texts = await Promise.all(registries.map((registry) => registry.metrics()));
  const values = texts
    .flatMap((text) => text.split('\n'))
    .filter((line) => new RegExp(`^meterstone_aggregator_${name}[{ ]`).test(line) && line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(' '))));
  return values.reduce((sum, value) => sum + value, 0);
}

async function produceEvents(
  producer: RecordProducer,
  {
    kafkaPartition,
    from,
    count,
    openedAt,
  }: { kafkaPartition: number; from: number; count: number; openedAt: number },
): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => kafkaPartition * 1_000_000 + from + index);
  for (let first = 0; first < count; first += SEND_EVENTS) {
    const records = names.slice(first, first + SEND_EVENTS).map((name) => ({
      key: null,
      kafkaPartition,
      value: exampleBytes(
        exampleEvent(name, {
          occurredAt: openedAt - (name % 3_600) * 1_000,
          ingestedAt: Date.now(),
          user: `customer-${name % 50}`,
          inputTokens: name % 977,
        }),
      ),
    }));
    await retry(() => producer.send(records), SEND_RETRY);
  }
}

async function waitForRest({
  kafka,
  groupId,
  topic,
}: Pick<AggregatorLab, 'kafka' | 'groupId' | 'topic'>): Promise<void> {
  let behind: unknown[] = [];
  for (const deadline = Date.now() + REST_MS_MAX; Date.now() < deadline; await sleep(POLL_MS)) {
    const positions = await fetchPositions({ kafka, groupId, topic });
    behind = [...(await readLogBounds(kafka, topic))].flatMap(([kafkaPartition, { end }]) => {
      const position = positions.get(kafkaPartition);
      const isThere = position?.nextOffset === end && position.metadata === null;
      return end === 0 || isThere ? [] : [{ kafkaPartition, end, position }];
    });
    if (behind.length === 0) {
      return;
    }
  }
  throw new Error(`no rest: ${JSON.stringify(behind)}`);
}

async function findWrong(rows: AggregatorLab['rows'], total: number): Promise<string[]> {
  const wrong: string[] = [];
  const [counted = {}] = await rows(
    'SELECT count() AS stored, uniqExact(event_id, line) AS ids, uniqExact(kafka_partition, kafka_offset) AS offsets FROM raw_events',
  );
  for (const [what, count] of Object.entries(counted)) {
    if (Number(count) !== total) wrong.push(`raw has ${count} ${what} of ${total}`);
  }
  const sums = ADDITIVE_COLUMNS.map(({ name, fromRaw }) => `${fromRaw('r')} AS ${name}`);
  const [raw = {}] = await rows(`SELECT ${sums.join(', ')} FROM raw_events AS r`);
  for (const { name: rollup } of ROLLUPS) {
    const own = ADDITIVE_COLUMNS.map(({ name }) => `sum(t.${name}) AS ${name}`);
    const [summed = {}] = await rows(`SELECT ${own.join(', ')} FROM ${rollup} AS t`);
    for (const { name } of ADDITIVE_COLUMNS) {
      if (summed[name] !== raw[name]) wrong.push(`${rollup}.${name} is ${summed[name]}, raw's ${raw[name]}`);
    }
  }
  return wrong;
}

/** Ranges of the ledger tile each Kafka partition and hold what raw holds of it. */
async function findHoles(
  rows: AggregatorLab['rows'],
  logBounds: ReadonlyMap<number, LogBounds>,
): Promise<string[]> {
  const ranges = await rows(
    'SELECT kafka_partition, min(first_offset) AS first, max(next_offset) AS next, sum(next_offset - first_offset) AS tiled, sum(stored) AS stored, sum(input_tokens) AS input FROM ingest_ranges FINAL GROUP BY kafka_partition',
  );
  const stored = await rows(
    'SELECT kafka_partition, count() AS stored, sum(input_tokens) AS input FROM raw_events GROUP BY kafka_partition',
  );
  return [...logBounds].flatMap(([partition, { end: count }]) => {
    if (count === 0) return [];
    const own = ranges.find(({ kafka_partition }) => Number(kafka_partition) === partition);
    const raw = stored.find(({ kafka_partition }) => Number(kafka_partition) === partition);
    const said = JSON.stringify([
      own?.['first'],
      own?.['next'],
      own?.['tiled'],
      own?.['stored'],
      own?.['input'],
    ]);
    const wanted = JSON.stringify(['0', String(count), String(count), raw?.['stored'], raw?.['input']]);
    return said === wanted ? [] : [`the ledger of ${partition} says ${said}, wanted is ${wanted}`];
  });
}
