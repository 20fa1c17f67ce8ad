import { randomBytes } from 'node:crypto';
import { decodeDeadLetter, decodeUsageEvent, encodeUsageEvent } from '@meterstone/events';
import { createProducer, type FetchedRecord, type RecordProducer } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { type ReplayProvider, startReplayProvider } from '../support/replay-provider.ts';
import { report, waitForAttempts } from '../support/report.ts';
import { readTopic, testKafka } from './kafka-records.ts';
import { askSql } from './sql.ts';

/*
 * Promise 3: nothing is counted twice. Events that reach Kafka again change no sum, neither in raw nor in a
 * rollup nor in a report; what cannot be read is set aside whole, and the rest goes on.
 */

const KAFKA_PARTITIONS = 4;
const PLACE = { kafkaBrokers: inject('kafkaBrokers'), kafkaPartitions: KAFKA_PARTITIONS };

interface Placed {
  readonly kafkaPartition: number;
  readonly key: string | null;
  readonly value: Buffer;
}

let pipeline: Pipeline;
let provider: ReplayProvider;
let producer: RecordProducer;
/** What the proxy has written, where it has written it. */
let written: Placed[] = [];

beforeAll(async () => {
  const body = Buffer.from(
    '{"object":"chat.completion","model":"gpt-5-mini-2025-08-07","choices":[],"usage":{"prompt_tokens":300,"completion_tokens":20,"total_tokens":320}}',
  );
  provider = await startReplayProvider(
    new Map([['chat', { contentType: 'application/json', body }]]),
    () => 0,
  );
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: inject('clickhouseUrl'),
    config: {
      providers: { openai: { kind: 'openai', base_url: provider.url, credential: 'env:TEST_PROVIDER_KEY' } },
      org: { plan: 'pro', rate_plans: { pro: [{ from: '2025-01-01', multiplier: '1.25' }] } },
    },
  });
  const topic = `${pipeline.topicPrefix}.usage-events`;
  producer = createProducer({ kafka: testKafka(inject('kafkaBrokers')), topic });
  for (const user of ['globex', 'initech', 'globex']) await call(user);
  await waitForAttempts(pipeline, 3);
  const partitions = await readTopic({ ...PLACE, topic });
  written = partitions.flatMap((records, kafkaPartition) =>
    records.map((record) => toPlaced(record, kafkaPartition)),
  );
  expect(written).toHaveLength(3);
});
afterAll(async () => {
  await producer?.close();
  await pipeline?.stop();
  await provider?.close();
});

it('changes no sum when events come twice, or thrice, in one batch or in several', async () => {
  const before = await allSums();
  const [first, second] = written;
  if (first === undefined || second === undefined) throw new Error('nothing was written');
  await producer.send([first, first]);
  for (let copy = 0; copy < 3; copy++) await producer.send([second]);
  await duplicatesDropped(5);
  expect(await allSums()).toEqual(before);
});

it('changes no sum when a copy comes after the aggregator was killed and started again', async () => {
  const before = await allSums();
  await pipeline.kill('aggregator', 'SIGKILL');
  await producer.send(written);
  await pipeline.start('aggregator');
  await duplicatesDropped(written.length);
  expect(await allSums()).toEqual(before);
});

it('counts a new event once when its first and its second copy come together', async () => {
  const event = newEvent({ inputTokens: 7, outputTokens: 0, user: 'umbrella' });
  await producer.send([place(event), place(event)]);
  await waitForAttempts(pipeline, 4);
  const rows = await report(pipeline, { group_by: 'user', user_id: 'umbrella' });
  expect(rows).toMatchObject([{ input_tokens: 7, output_tokens: 0, request_count: 1, attempts: 1 }]);
});

it('sets aside what cannot be read, bytes and all, and goes on with the rest', async () => {
  const event = newEvent({ user: 'hooli' });
  const bad = [Buffer.from('this is no Avro'), place(event).value.subarray(0, 40), Buffer.alloc(0)];
  await producer.send([
    ...bad.map((value, index) => ({ kafkaPartition: 0, key: `bad-${index}`, value })),
    // No tokens are negative, but for adjustments.
    place(newEvent({ inputTokens: -5, user: 'hooli' })),
    place(event),
  ]);
  await waitForAttempts(pipeline, 5);
  expect(await report(pipeline, { group_by: 'user', user_id: 'hooli' })).toMatchObject([{ attempts: 1 }]);

  const topic = `${pipeline.topicPrefix}.dead-letters`;
  const records = (await readTopic({ ...PLACE, topic, kafkaPartitions: 1 })).flat();
  const letters = records.map(({ value }) => decodeDeadLetter(value ?? Buffer.alloc(0)));
  expect(letters).toHaveLength(4);
  for (const [index, value] of bad.entries()) {
    expect(letters[index]).toMatchObject({
      topic: `${pipeline.topicPrefix}.usage-events`,
      kafkaPartition: 0,
      recordKey: Buffer.from(`bad-${index}`),
      recordValue: value,
    });
    expect(letters[index]?.code).toMatch(/^[a-z_]+$/);
    expect(letters[index]?.reason).not.toBe('');
  }
});

async function call(user: string): Promise<void> {
  const answer = await fetch(`${pipeline.proxyUrl}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${pipeline.key.proxy}`,
      'ai-reporting-user': user,
      'ai-reporting-tags': 'feature:chat,env:prod',
      'x-replay': 'chat',
    },
    body: '{"model":"gpt-5-mini-2025-08-07","messages":[]}',
  });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
}

function toPlaced({ key, value }: FetchedRecord, kafkaPartition: number): Placed {
  return { kafkaPartition, key: key?.toString() ?? null, value: value ?? Buffer.alloc(0) };
}

/** Like the proxy's own, with an identity of its own. */
function newEvent(facts: Partial<UsageEvent>): UsageEvent {
  const like = decodeUsageEvent(written[0]?.value ?? Buffer.alloc(0));
  const operationId = randomBytes(8).toString('hex');
  return { ...like, eventId: randomBytes(16), operationId, ...facts };
}

function place(event: UsageEvent): Placed {
  const slab = Buffer.alloc(16_384);
  const value = slab.subarray(0, encodeUsageEvent(event, slab, 0));
  return { kafkaPartition: 0, key: event.operationId, value };
}

/** Waits until the aggregator, since it was started, has dropped so many copies, and has nothing left to read. */
async function duplicatesDropped(count: number): Promise<void> {
  const read = async () => {
    const metrics = await (await fetch(`${pipeline.aggregatorUrl}/metrics`)).text();
    const lags = metrics.matchAll(/^meterstone_aggregator_lag_records\{[^}]*\} (\d+)$/gm);
    return {
      dropped: Number(/^meterstone_aggregator_duplicates_total\{[^}]*\} (\d+)$/m.exec(metrics)?.[1]),
      lag: Array.from(lags, ([, lag]) => Number(lag)).reduce((sum, lag) => sum + lag, 0),
    };
  };
  await expect.poll(read, { timeout: 30_000, interval: 100 }).toEqual({ dropped: count, lag: 0 });
}

/** Every sum there is: of raw, of each rollup by itself, and of the reports. */
async function allSums(): Promise<Record<string, unknown>> {
  const url = inject('clickhouseUrl');
  const { database } = pipeline;
  const sums = [
    ...['input_tokens', 'output_tokens', 'market_cost', 'total_cost', 'charge'].map(
      (column) => `toString(sum(${column})) AS ${column}`,
    ),
  ].join(', ');
  const rollups = await askSql(
    url,
    `SELECT table FROM system.columns WHERE database = '${database}' AND name = 'attempts' ORDER BY table`,
  );
  expect(rollups.length).toBeGreaterThan(0);
  const raw = await askSql(url, `SELECT toString(count()) AS attempts, ${sums} FROM ${database}.raw_events`);
  const tables: Record<string, unknown> = { raw };
  for (const { table } of rollups) {
    const rows = await askSql(
      url,
      `SELECT toString(sum(attempts)) AS attempts, ${sums} FROM ${database}.${table}`,
    );
    // Every event here is one line, so that rows of raw are attempts.
    expect(rows, String(table)).toEqual(raw);
    tables[String(table)] = rows;
  }
  for (const groupBy of ['day', 'user', 'model', 'tag', 'plan'])
    tables[`by ${groupBy}`] = await report(pipeline, { group_by: groupBy, exact: 'true' });
  return tables;
}
