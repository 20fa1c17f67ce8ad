import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createKafka,
  createProducer,
  ensureTopics,
  fetchPositions,
  type KafkaClient,
  type RecordProducer,
  topicNames,
} from '@meterstone/kafka';
import { createLogger, createRegistry } from '@meterstone/runtime';
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
  /** Produces so many new events to a Kafka partition. */
  produce(kafkaPartition: number, count: number): Promise<void>;
  /** An aggregator in this process, through other addresses if some are given; not started. */
  open(at?: { kafkaBrokers?: string; clickhouseUrl?: string; instance?: string }): Aggregator;
  /** Waits until all that was produced is committed; throws with what is missing. */
  rest(): Promise<void>;
  /** What is wrong with what is stored, in words; none = every event once, everywhere. */
  findings(): Promise<string[]>;
  rows(query: string): Promise<Record<string, string>[]>;
  close(): Promise<void>;
}

/** Opens a lab on a stack. */
export async function openAggregatorLab(
  stack: { kafkaBrokers: string; clickhouseUrl: string },
  kafkaPartitions: number,
): Promise<AggregatorLab> {
  const suffix = randomBytes(5).toString('hex');
  const prefix = `lab-${suffix}`;
  const database = `lab_${suffix}`;
  const topic = topicNames(prefix).usageEvents;
  const groupId = `${prefix}.aggregator`;
  const kafka = openKafka(stack.kafkaBrokers);
  const store = openStore(stack.clickhouseUrl, database);
  await ensureTopics(kafka, { prefix, kafkaPartitions, replicationFactor: 1 });
  await migrate({ client: store, database });
  const producer = createProducer({ kafka, topic });
  const produced = Array.from({ length: kafkaPartitions }, () => 0);
  const clients: StoreClient[] = [store];
  const rows = (query: string) => readRows(store, query);
  return {
    kafka,
    store,
    topic,
    groupId,
    prefix,
    database,
    produced,
    produce: (kafkaPartition, count) => produceEvents(producer, { produced, kafkaPartition, count }),
    open({ kafkaBrokers = stack.kafkaBrokers, clickhouseUrl = stack.clickhouseUrl, instance } = {}) {
      const client = openStore(clickhouseUrl, database);
      clients.push(client);
      return createAggregator({
        kafka: openKafka(kafkaBrokers),
        topicPrefix: prefix,
        kafkaPartitions,
        replicationFactor: 1,
        store: client,
        database,
        terms: () => TERMS,
        loadTerms: async () => TERMS,
        instance: instance ?? null,
        userKeySecret: EXAMPLE_SECRET,
        registry: createRegistry({ service: 'lab' }),
        logger: LOGGER,
        now: Date.now,
        random: Math.random,
      });
    },
    rest: () => waitForRest({ kafka, groupId, topic, produced }),
    findings: () => findWrong(rows, produced),
    rows,
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

async function produceEvents(
  producer: RecordProducer,
  { produced, kafkaPartition, count }: { produced: number[]; kafkaPartition: number; count: number },
): Promise<void> {
  const before = produced[kafkaPartition] ?? 0;
  const names = Array.from({ length: count }, (_, index) => kafkaPartition * 1_000_000 + before + index);
  for (let from = 0; from < count; from += SEND_EVENTS) {
    const now = Date.now();
    await producer.send(
      names.slice(from, from + SEND_EVENTS).map((name) => ({
        key: null,
        kafkaPartition,
        value: exampleBytes(
          exampleEvent(name, {
            occurredAt: now - (name % 3_600) * 1_000,
            ingestedAt: now,
            user: `customer-${name % 50}`,
            inputTokens: name % 977,
          }),
        ),
      })),
    );
  }
  produced[kafkaPartition] = before + count;
}

async function waitForRest({
  kafka,
  groupId,
  topic,
  produced,
}: Pick<AggregatorLab, 'kafka' | 'groupId' | 'topic' | 'produced'>): Promise<void> {
  let positions = new Map<number, { readonly nextOffset: number }>();
  for (const deadline = Date.now() + REST_MS_MAX; Date.now() < deadline; await sleep(POLL_MS)) {
    positions = await fetchPositions({ kafka, groupId, topic });
    if (produced.every((count, partition) => count === 0 || positions.get(partition)?.nextOffset === count)) {
      return;
    }
  }
  throw new Error(`no rest: ${JSON.stringify([...positions])} of ${JSON.stringify(produced)}`);
}

async function findWrong(rows: AggregatorLab['rows'], produced: readonly number[]): Promise<string[]> {
  const wrong: string[] = [];
  const total = produced.reduce((sum, count) => sum + count, 0);
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
  return [...wrong, ...(await findHoles(rows, produced))];
}

/** Ranges of the ledger tile each Kafka partition and hold what raw holds of it. */
async function findHoles(rows: AggregatorLab['rows'], produced: readonly number[]): Promise<string[]> {
  const ranges = await rows(
    'SELECT kafka_partition, min(first_offset) AS first, max(next_offset) AS next, sum(next_offset - first_offset) AS tiled, sum(stored) AS stored, sum(input_tokens) AS input FROM ingest_ranges FINAL GROUP BY kafka_partition',
  );
  const stored = await rows(
    'SELECT kafka_partition, count() AS stored, sum(input_tokens) AS input FROM raw_events GROUP BY kafka_partition',
  );
  return produced.flatMap((count, partition) => {
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
