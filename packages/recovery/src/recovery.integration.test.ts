import { randomBytes } from 'node:crypto';
import { encodeDeadLetter } from '@meterstone/events';
import {
  createKafka,
  createProducer,
  ensureTopics,
  fetchCommitted,
  readRange,
  topicNames,
} from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import {
  appendRawRow,
  createRawBlock,
  createStoreClient,
  insertLedgerRange,
  insertRawBlock,
  migrate,
  mintStream,
  ROLLUPS,
  readLedgerPositions,
  readStreams,
} from '@meterstone/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { auditLedger } from './audit-ledger.ts';
import { auditRollups } from './audit-rollups.ts';
import { decide } from './decide.ts';
import { EXAMPLE_RATING, exampleBytes, exampleEvent, exampleLetter } from './example.ts';
import { movePositions } from './group-state.ts';
import { toLetterId } from './letter-id.ts';
import { lostRange } from './lost-range.ts';
import { NO_FILTER, readLetters } from './read-letters.ts';
import { repairRollups } from './repair-rollups.ts';
import { replayLetters } from './replay-letters.ts';
import { findStops, readStopFacts } from './stops.ts';

const KAFKA_PARTITIONS = 2;
const EVENTS = 10;

const suffix = randomBytes(4).toString('hex');
const prefix = `recovery-${suffix}`;
const database = `recovery_${suffix}`;
const topics = topicNames(prefix);
const kafka = createKafka({
  brokers: inject('kafkaBrokers').split(','),
  clientId: 'recovery-test',
  logger: createLogger({ service: 'recovery-test', level: 'silent' }),
});
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});
const group = { kafka, groupId: `${prefix}.aggregator`, topic: topics.usageEvents };
const options = { ...group, store };
const events = createProducer({ kafka, topic: topics.usageEvents });
const letters = createProducer({ kafka, topic: topics.deadLetters });

/** Stores rows of Kafka partition 0 from this offset on, and their ledger row unless told not to. */
async function storeRange(firstOffset: number, count: number, withLedger = true): Promise<void> {
  const block = createRawBlock();
  for (let kafkaOffset = firstOffset; kafkaOffset < firstOffset + count; kafkaOffset += 1) {
    appendRawRow(block, {
      event: exampleEvent(kafkaOffset),
      rating: EXAMPLE_RATING,
      userKey: Buffer.alloc(16, 1),
      coordinates: { stream: 1, kafkaPartition: 0, kafkaOffset },
    });
  }
  await insertRawBlock({ client: store, block, token: randomBytes(8).toString('hex') });
  if (!withLedger) return;
  const range = { stream: 1, kafkaPartition: 0, firstOffset, nextOffset: firstOffset + count };
  await insertLedgerRange(store, { ...lostRange(range), records: count, stored: count, ingestedAtMax: 1 });
}

beforeAll(async () => {
  await ensureTopics(kafka, { prefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 });
  await migrate({ client: store, database });
});

afterAll(async () => {
  await Promise.all([events.close(), letters.close(), store.close()]);
});

describe('dead letters', () => {
  const fit = exampleLetter(500);
  const broken = exampleLetter(6, { code: 'undecodable', recordValue: Buffer.from('no event') });
  const stored = exampleLetter(3, { kafkaPartition: 0, code: 'occurred_too_late' });
  const filter = (facts: Partial<typeof NO_FILTER> = {}) => ({
    kafka,
    topic: topics.deadLetters,
    filter: { ...NO_FILTER, ...facts },
  });

  it('reads each letter once, in order, and those that a filter lets through', async () => {
    const values = [fit, broken, fit, stored].map((letter) => ({
      key: null,
      value: encodeDeadLetter(letter),
    }));
    await letters.send([...values, { key: null, value: Buffer.from('no letter') }]);
    expect(await readLetters(filter())).toEqual({ letters: [fit, broken, stored], unreadable: 1 });
    const idsOf = async (facts: Partial<typeof NO_FILTER>) =>
      (await readLetters(filter(facts))).letters.map(toLetterId);
    expect(await idsOf({ code: 'undecodable' })).toEqual(['1-1-6']);
    expect(await idsOf({ kafkaPartition: 0 })).toEqual(['1-0-3']);
    expect(await idsOf({ to: fit.recordTimestamp })).toEqual([]);
    expect(await idsOf({ from: fit.recordTimestamp, letters: [stored, broken] })).toEqual(['1-1-6', '1-0-3']);
  });

  it('sends the original bytes to the original Kafka partition, where they would be taken and have no row', async () => {
    await storeRange(0, EVENTS);
    const all = { store, producer: events, letters: [fit, broken, stored] };
    const outcomes = async (dryRun: boolean) =>
      (await replayLetters({ ...all, dryRun })).map(({ outcome }) => outcome);
    expect(await outcomes(true)).toEqual(['would_send', 'unfit', 'stored']);
    expect(await outcomes(false)).toEqual(['sent', 'unfit', 'stored']);
    // The first replay has no row yet, so it is sent again, as the same event: the aggregator drops the copy.
    expect(await outcomes(false)).toEqual(['sent', 'unfit', 'stored']);
    const records = await readRange({ kafka, topic: topics.usageEvents, kafkaPartition: 1, from: 0, to: 10 });
    const record = { key: Buffer.from('replay-1-1-500'), value: exampleBytes(exampleEvent(500)) };
    expect([...records]).toMatchObject([record, record]);
  });
});

describe('the audit', () => {
  beforeAll(async () => {
    await mintStream(store, {
      topic: topics.usageEvents,
      fingerprint: (await readStopFacts(options)).topicId,
    });
    await events.send(
      Array.from({ length: 20 }, (_, name) => ({
        key: null,
        value: exampleBytes(exampleEvent(name)),
        kafkaPartition: 0,
      })),
    );
  });

  it('finds nothing where ledger, raw, rollups and Kafka agree, and says what is in the making', async () => {
    await storeRange(EVENTS, 1, false);
    expect(await auditLedger(options)).toEqual([
      {
        stream: 1,
        kafkaPartition: 0,
        position: EVENTS,
        storedByLedger: EVENTS,
        storedInRaw: EVENTS,
        beyondLedger: 1,
        faults: [],
      },
    ]);
    expect(await auditRollups({ store })).toEqual([]);
    await insertLedgerRange(store, {
      ...lostRange({ stream: 1, kafkaPartition: 0, firstOffset: EVENTS, nextOffset: EVENTS + 1 }),
      records: 1,
      stored: 1,
    });
  });

  it('finds a gap, a row too many and a position that Kafka has and the ledger has not', async () => {
    await storeRange(12, 2);
    await storeRange(3, 1, false);
    await movePositions(group, new Map([[0, 19]]));
    const [audit] = await auditLedger(options);
    expect(audit?.faults).toEqual([
      { kind: 'gap', detail: 'offsets 11 to 12' },
      { kind: 'count_differs', detail: 'the ledger says 13 rows, raw has 14' },
      { kind: 'kafka_ahead', detail: "Kafka's committed position is 19, the ledger's 14" },
    ]);
  });

  it('finds what every rollup lacks and repairs it', async () => {
    for (const { name } of ROLLUPS) {
      await store.command({
        query: `INSERT INTO ${name} (org_id, period_start, output_tokens, charge) SETTINGS async_insert = 0 VALUES ('acme', toDateTime('2026-11-24 10:00:00', 'UTC'), 7, 0.25)`,
      });
    }
    const sleep = async () => {};
    const faults = await auditRollups({ store, sleep });
    expect(new Set(faults.map(({ rollup }) => rollup))).toEqual(new Set(ROLLUPS.map(({ name }) => name)));
    const [first] = ROLLUPS;
    const common = { rollup: first?.name, day: '2026-11-24', orgId: 'acme' };
    expect(faults).toContainEqual({ ...common, column: 'output_tokens', missing: '-7' });
    expect(faults).toContainEqual({ ...common, column: 'charge', missing: '-0.25' });
    expect(await auditRollups({ store, sleep, isWanted: () => false })).toEqual([]);
    expect(await repairRollups({ ...options, faults: [] })).toEqual([]);
    expect((await repairRollups({ ...options, faults })).length).toBeGreaterThan(0);
    expect(await auditRollups({ store, sleep })).toEqual([]);
    expect(await repairRollups({ ...options, faults })).toEqual([]);
  });

  it('repairs more orgs than one query names, and none that is not among the faults', async () => {
    const [rollup] = ROLLUPS;
    await store.command({
      query: `INSERT INTO ${rollup?.name} (org_id, period_start, output_tokens) SELECT concat('org-', toString(number)), toDateTime('2026-11-23 10:00:00', 'UTC'), 7 FROM numbers(450)`,
      clickhouse_settings: { async_insert: 0 },
    });
    const sleep = async () => {};
    const all = await auditRollups({ store, sleep });
    const faults = all.filter(({ orgId }) => orgId !== 'org-7');
    const repairs = await repairRollups({ ...options, faults });
    expect(repairs).toContainEqual({ rollup: rollup?.name, day: '2026-11-23', cells: 449 });
    const left = await auditRollups({ store, sleep });
    expect(new Set(left.map(({ orgId }) => orgId))).toEqual(new Set(['org-7']));
    await repairRollups({ ...options, faults: left });
    expect(await auditRollups({ store, sleep })).toEqual([]);
  });
});

describe('decisions', () => {
  it('takes the position of the ledger where Kafka is ahead of it', async () => {
    expect(findStops(await readStopFacts(options))).toMatchObject([
      { kafkaPartition: 0, cause: 'kafka_ahead', decision: 'from-ledger' },
    ]);
    expect(await decide('from-ledger', options)).toEqual([
      { kafkaPartition: 0, position: 14, lostOffsets: 0 },
    ]);
    expect((await fetchCommitted(group)).get(0)).toBe(14);
    expect(findStops(await readStopFacts(options))).toEqual([]);
    await expect(decide('from-ledger', options)).rejects.toMatchObject({ code: 'nothing_to_recover' });
  });

  it('writes offsets that Kafka has dropped into the ledger as lost', async () => {
    const admin = kafka.kafkajs.admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topics.usageEvents);
    await admin.deleteTopicRecords({
      topic: topics.usageEvents,
      partitions: [{ partition: 0, offset: '18' }],
    });
    await admin.disconnect();
    expect(findStops(await readStopFacts(options))).toMatchObject([{ cause: 'log_starts_after' }]);
    expect(await decide('skip-lost', options)).toEqual([{ kafkaPartition: 0, position: 18, lostOffsets: 4 }]);
    expect(await readLedgerPositions(store, 1)).toEqual(new Map([[0, 18]]));
    expect(findStops(await readStopFacts(options))).toEqual([]);
  });

  it('begins anew with a topic that was deleted and made again', async () => {
    const admin = kafka.kafkajs.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topics.usageEvents] });
    await admin.disconnect();
    await expect
      .poll(
        () =>
          ensureTopics(kafka, { prefix, kafkaPartitions: KAFKA_PARTITIONS, replicationFactor: 1 }).then(
            () => 1,
          ),
        { timeout: 20_000 },
      )
      .toBe(1);
    const stops = findStops(await readStopFacts(options));
    expect(stops).toHaveLength(KAFKA_PARTITIONS);
    expect(stops).toMatchObject([{ cause: 'new_incarnation', decision: 'new-stream' }, {}]);
    await decide('new-stream', options);
    expect(findStops(await readStopFacts(options))).toEqual([]);
    expect((await readStreams(store, topics.usageEvents)).map(({ stream }) => stream)).toEqual([1, 2]);
    expect((await fetchCommitted(group)).get(0)).toBe(0);
  });
});
