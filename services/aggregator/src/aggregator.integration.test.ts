import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDeadLetter } from '@meterstone/events';
import {
  createKafka,
  createProducer,
  ensureTopics,
  fetchCommitted,
  readRange,
  topicNames,
} from '@meterstone/kafka';
import type { RatingTerms, UsageEvent } from '@meterstone/metering';
import { createLogger, createRegistry } from '@meterstone/runtime';
import { createStoreClient, type StoreClient } from '@meterstone/store';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Aggregator, createAggregator } from './aggregator.ts';
import { startAnswerRelay } from './answer-relay.ts';
import { EXAMPLE_SECRET, exampleBytes, exampleEvent, exampleTerms } from './example.ts';

const KAFKA_PARTITIONS = 2;
const DEADLINE_MS = 30_000;

const suffix = randomBytes(4).toString('hex');
const topicPrefix = `aggregator-${suffix}`;
const database = `aggregator_${suffix}`;
const groupId = `${topicPrefix}.aggregator`;
const topics = topicNames(topicPrefix);
const logger = createLogger({ service: 'aggregator-test', level: 'silent' });
const kafka = createKafka({
  brokers: inject('kafkaBrokers').split(','),
  clientId: 'aggregator-test',
  logger,
});
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});
const producer = createProducer({ kafka, topic: topics.usageEvents });

let running: Aggregator | null = null;
let terms: RatingTerms = exampleTerms();
const sent = [0, 0];

async function startAggregator({
  target = store,
  flushAgeMs = 0,
}: {
  target?: StoreClient;
  flushAgeMs?: number;
} = {}): Promise<Aggregator> {
  const aggregator = createAggregator({
    kafka,
    topicPrefix,
    kafkaPartitions: KAFKA_PARTITIONS,
    replicationFactor: 1,
    store: target,
    database,
    terms: () => terms,
    loadTerms: async () => terms,
    instance: null,
    userKeySecret: EXAMPLE_SECRET,
    flushAgeMs,
    registry: createRegistry({ service: 'aggregator-test' }),
    logger,
    now: Date.now,
    random: Math.random,
  });
  running = aggregator;
  await aggregator.start();
  return aggregator;
}

async function stopAggregator(): Promise<void> {
  await running?.stop();
  running = null;
}

async function produce(kafkaPartition: number, values: readonly (UsageEvent | Buffer)[]): Promise<void> {
  await producer.send(
    values.map((value) => ({
      key: null,
      value: Buffer.isBuffer(value) ? value : exampleBytes(value as UsageEvent), // What is left.
      kafkaPartition,
    })),
  );
  sent[kafkaPartition] = (sent[kafkaPartition] ?? 0) + values.length;
}

/** Until all that was produced is stored and committed. */
async function settled(): Promise<void> {
  await until('everything is committed', async () => {
    const committed = await fetchCommitted({ kafka, groupId, topic: topics.usageEvents });
    return sent.every((count, kafkaPartition) => count === 0 || committed.get(kafkaPartition) === count);
  });
}

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await sleep(100)) {
    if (await isSo()) {
      return;
    }
  }
  throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
}

async function rows<Row>(query: string): Promise<Row[]> {
  const answer = await store.query({ query, format: 'JSONEachRow' });
  return answer.json<Row>();
}

/** The ledger, as far as it does not depend on how the records were fetched. */
const LEDGER =
  'SELECT kafka_partition, min(first_offset) AS first, max(next_offset) AS next, sum(next_offset - first_offset) AS tiled, sum(records) AS records, sum(stored) AS stored, toString(sum(input_tokens)) AS input, toString(sum(output_tokens)) AS output, toString(sum(market_cost)) AS market, toString(sum(charge)) AS charge FROM ingest_ranges FINAL GROUP BY kafka_partition ORDER BY kafka_partition';
const LEDGER_OF_RAW = `SELECT kafka_partition, count() AS stored, toString(sum(input_tokens)) AS input, toString(sum(output_tokens)) AS output, toString(sum(market_cost)) AS market, toString(sum(charge)) AS charge FROM raw_events GROUP BY kafka_partition ORDER BY kafka_partition`;

const RANGES = 'SELECT toUInt32(count()) AS ranges FROM ingest_ranges FINAL';

/** Every offset that was produced is in one range of the ledger, and its sums are raw's. */
async function expectLedger(): Promise<void> {
  const ranges = await rows<Record<string, unknown>>(LEDGER);
  const wanted = sent.flatMap((count, kafkaPartition) =>
    count === 0
      ? []
      : [{ kafka_partition: kafkaPartition, first: 0, next: count, tiled: count, records: count }],
  );
  expect(ranges).toMatchObject(wanted);
  const sums = ranges.map(({ kafka_partition, stored, input, output, market, charge }) => ({
    kafka_partition,
    stored,
    input,
    output,
    market,
    charge,
  }));
  expect(sums).toEqual(await rows(LEDGER_OF_RAW));
}

async function deadLetters() {
  const records = await readRange({
    kafka,
    topic: topics.deadLetters,
    kafkaPartition: 0,
    from: 0,
    to: 1_000,
  });
  return Array.from(records, ({ value }) => decodeDeadLetter(value ?? Buffer.alloc(0)));
}

/** What must not change when nothing new arrives. */
async function state() {
  return {
    raw: await rows(
      'SELECT toString(event_id) AS id, line, kafka_partition, kafka_offset FROM raw_events ORDER BY ALL',
    ),
    rollup: await rows(ROLLUP_SUMS),
    users: await rows('SELECT org_id, user FROM users FINAL ORDER BY ALL'),
    letters: await deadLetters(),
  };
}

const SUMS =
  'sum(input_tokens) AS input, sum(output_tokens) AS output, toString(sum(market_cost)) AS market, toString(sum(charge)) AS charge';
const ROLLUP_SUMS = `SELECT sum(attempts) AS attempts, sum(operations) AS operations, sum(unpriced_count) AS unpriced, ${SUMS} FROM usage_15m`;
const RAW_SUMS = `SELECT countIf(line = 0) AS attempts, countIf(final AND line = 0) AS operations, countIf(unpriced_reason != '') AS unpriced, ${SUMS} FROM raw_events`;

const now = Date.now();
const event = (name: number, facts: Partial<UsageEvent> = {}) =>
  exampleEvent(name, { occurredAt: now - 5_000, ingestedAt: now - 4_000, ...facts });

const FIRST = [
  event(1),
  event(2, { user: 'customer-2' }),
  event(1, { ingestedAt: now }),
  Buffer.from('not an event'),
  event(1, { outputTokens: 999 }),
  event(3, { responseModel: 'mystery', requestModel: 'mystery', user: null }),
  event(3, { line: 1, outputTokens: 50, user: null }),
];

beforeAll(async () => {
  await ensureTopics(kafka, { prefix: topicPrefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 });
});

afterEach(stopAggregator);

afterAll(async () => {
  await producer.close();
  await store.close();
});

describe('from Kafka to ClickHouse', () => {
  it('stores events once, with their prices, and puts the rest to the dead letters', async () => {
    await produce(1, FIRST);
    const aggregator = await startAggregator();
    await settled();
    expect(
      await rows(
        "SELECT toUInt32(reinterpretAsUInt128(reverse(unhex(replaceAll(toString(event_id), '-', ''))))) AS name, line, model, toString(market_cost) AS market, toString(charge) AS charge, rate_plan, epoch, stream, kafka_partition, kafka_offset FROM raw_events ORDER BY name, line",
      ),
    ).toMatchObject([
      // 1,000 tokens in at $2.50 a million and 100 out at $10.00; charged 1.2 times that.
      {
        name: 1,
        line: 0,
        model: 'openai/gpt-test',
        market: '0.0035',
        charge: '0.0042',
        rate_plan: 'starter',
      },
      { name: 2, line: 0, market: '0.0035', kafka_partition: 1, stream: 1, epoch: 'epoch-1' },
      { name: 3, line: 0, model: 'mystery', market: null, charge: null },
      { name: 3, line: 1, market: '0.003', charge: '0.0036' },
    ]);
    expect(await rows('SELECT user FROM users FINAL ORDER BY user')).toEqual([
      { user: 'customer-1' },
      { user: 'customer-2' },
    ]);
    expect(await deadLetters()).toMatchObject([
      {
        code: 'undecodable',
        topic: topics.usageEvents,
        kafkaPartition: 1,
        kafkaOffset: 3,
        recordValue: FIRST[3],
      },
      { code: 'duplicate_conflict', kafkaPartition: 1, kafkaOffset: 4 },
    ]);
    expect(await rows(ROLLUP_SUMS)).toEqual(await rows(RAW_SUMS));
    await expectLedger();
    expect(aggregator.readiness()).toEqual({ ready: true, reasons: [] });
  });

  it('changes nothing when the same events come again, to the same process or to the next', async () => {
    await startAggregator();
    await settled();
    const before = await state();
    await produce(1, FIRST.filter((value) => !Buffer.isBuffer(value)).slice(0, 2));
    await settled();
    expect(await state()).toEqual(before);
    await stopAggregator();
    await produce(1, [event(2, { user: 'customer-2' }), event(3, { line: 1, outputTokens: 50, user: null })]);
    await startAggregator();
    await settled();
    expect(await state()).toEqual(before);
  });

  it('stores together what comes within the age of a block', async () => {
    const ranges = async () => (await rows<{ ranges: number }>(RANGES))[0]?.ranges ?? 0;
    await startAggregator({ flushAgeMs: 4_000 });
    await settled();
    const before = await ranges();
    for (const name of [1, 2, 3]) {
      await produce(0, [event(30_000 + name, { project: 'aged' })]);
      await sleep(200);
    }
    await settled();
    expect(await ranges()).toBe(before + 1);
    await expectLedger();
  });

  it('stores each event once when it is stopped and started in the middle', async () => {
    const events = Array.from({ length: 3_000 }, (_, index) => event(10_000 + index));
    const feeding = (async () => {
      for (let start = 0; start < events.length; start += 100) {
        await produce((start / 100) % KAFKA_PARTITIONS, events.slice(start, start + 100));
      }
    })();
    for (let stops = 0; stops < 3; stops++) {
      await startAggregator();
      await sleep(300);
      await stopAggregator();
    }
    await feeding;
    await startAggregator();
    await settled();
    const counted =
      'SELECT count() AS stored, uniqExact(event_id, line) AS distinct FROM raw_events WHERE project = ';
    expect(await rows(`${counted}'chat'`)).toEqual([{ stored: 3_004, distinct: 3_004 }]);
    expect(await rows(ROLLUP_SUMS)).toEqual(await rows(RAW_SUMS));
    await expectLedger();
  });

  it('stores a block once whose answers were lost, and is not ready while it tries', async () => {
    const relay = await startAnswerRelay(inject('clickhouseUrl'));
    const target = createStoreClient({ url: relay.url, username: 'default', password: '', database });
    try {
      const aggregator = await startAggregator({ target });
      await until('it is ready', () => aggregator.readiness().ready);
      // Without a user the rows are the first thing that is sent.
      const facts = { user: null, finishReason: 'lost' };
      relay.lose(4);
      await produce(0, [
        event(20_001, facts),
        event(20_002, facts),
        event(20_003, { ...facts, outputTokens: 7 }),
      ]);
      await until('it says that nothing can be stored', () =>
        aggregator
          .readiness()
          .reasons.some((reason) => reason.includes('nothing can be stored at the moment')),
      );
      await settled();
      expect(
        await rows(
          "SELECT count() AS stored, uniqExact(event_id) AS distinct, sum(output_tokens) AS output FROM raw_events WHERE finish_reason = 'lost'",
        ),
      ).toEqual([{ stored: 3, distinct: 3, output: 207 }]);
      expect(await rows(ROLLUP_SUMS)).toEqual(await rows(RAW_SUMS));
      await expectLedger();
      await until('it is ready again', () => aggregator.readiness().ready);
    } finally {
      await stopAggregator();
      await target.close();
      await relay.close();
    }
  });

  it('waits for an unknown org, is not ready meanwhile, and loses nothing', async () => {
    const known = terms;
    await produce(0, [event(5), event(6, { orgId: 'newcomer' }), event(7)]);
    const aggregator = await startAggregator();
    await until('it says what it waits for', () =>
      aggregator.readiness().reasons.some((reason) => reason.includes('newcomer')),
    );
    const acme = known.orgs.get('acme');
    terms = exampleTerms({
      epoch: 'epoch-2',
      orgs: new Map([...known.orgs, ...(acme ? [['newcomer', acme] as const] : [])]),
    });
    await settled();
    expect(
      await rows("SELECT org_id, epoch FROM raw_events WHERE epoch = 'epoch-2' ORDER BY org_id"),
    ).toEqual([
      { org_id: 'acme', epoch: 'epoch-2' },
      { org_id: 'acme', epoch: 'epoch-2' },
      { org_id: 'newcomer', epoch: 'epoch-2' },
    ]);
    await until('it is ready again', () => aggregator.readiness().ready);
  });
});
