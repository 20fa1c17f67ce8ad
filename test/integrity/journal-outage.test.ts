import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUsageEvent, encodeUsageEvent } from '@meterstone/events';
import { type Journal, Outbox, openJournal, readTopicNow, replayJournals } from '@meterstone/journal';
import { type BatchProducer, createBatchProducer, readRange } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { exampleEvent } from '../../packages/events/src/example-event.ts';
import { createTcpRelay, type TcpRelay } from '../../packages/kafka/src/tcp-relay.ts';
import {
  createTestTopic,
  type TestTopic,
  testKafka,
  until,
} from '../../packages/kafka/src/topic-for-test.ts';

const KAFKA_PARTITIONS = 3;
const PENDING_BYTES_MAX = 100_000;
const OUTAGE_MS = 4_000;

interface Parts {
  readonly test: TestTopic;
  readonly relay: TcpRelay;
  readonly folder: string;
  readonly journal: Journal;
  readonly producer: BatchProducer;
  readonly outbox: Outbox;
  readonly logged: string[];
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

async function createParts(bytesMax: number): Promise<Parts> {
  const test = await createTestTopic(inject('kafkaBrokers'), KAFKA_PARTITIONS);
  const relay = await createTcpRelay(inject('kafkaBrokers').split(',')[0] ?? '');
  const folder = mkdtempSync(join(tmpdir(), 'journal-outage-'));
  const logged: string[] = [];
  const logger = createLogger({
    service: 'journal-outage',
    level: 'info',
    destination: { write: (line: string) => void logged.push(line) },
  });
  const journal = openJournal({
    folder,
    instance: 'proxy-1',
    pid: process.pid,
    topic: test.topic,
    topicId: null,
    bytesMax,
    fsyncMs: 0,
    segmentBytesMax: 200_000,
    logger,
    now: Date.now,
    random: Math.random,
  });
  const producer = createBatchProducer({
    kafka: testKafka(relay.address),
    topic: test.topic,
    kafkaPartitions: KAFKA_PARTITIONS,
    lingerMs: 2,
    batchBytesMax: 50_000,
    pendingBytesMax: PENDING_BYTES_MAX,
    beforeSend: () => journal.written(),
    onAcknowledged: (range) => journal.settle(range),
  });
  const outbox = new Outbox({
    journal,
    producer,
    kafkaPartitions: KAFKA_PARTITIONS,
    catchUpPendingBytesMax: 60_000,
    catchUpBytesPerSecond: 2_000_000,
    logger,
  });
  closing.push(async () => {
    await outbox.close();
    await producer.close(1_000);
    journal.close();
    await relay.cut().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  });
  return { test, relay, folder, journal, producer, outbox, logged };
}

const slab = Buffer.alloc(8_192);

/** One attempt, from note to event; `durationMs` carries its number. Returns how many events were lost. */
function attempt({ journal, outbox }: Parts, number: number): number {
  const event = exampleEvent({ eventId: randomBytes(16), operationId: randomUUID(), durationMs: number });
  const entry = journal.note(event);
  const value = slab.subarray(0, encodeUsageEvent(event, slab, 0));
  return outbox.send(entry, { eventId: event.eventId, records: [{ key: event.operationId, value }] });
}

async function readNumbers({ kafka, topic }: TestTopic): Promise<number[][]> {
  const partitions = Array.from({ length: KAFKA_PARTITIONS }, (_, kafkaPartition) =>
    readRange({ kafka, topic, kafkaPartition, from: 0, to: Number.MAX_SAFE_INTEGER }),
  );
  return (await Promise.all(partitions)).map((records) =>
    Array.from(records, ({ value }) => decodeUsageEvent(value ?? Buffer.alloc(0)).durationMs ?? -1),
  );
}

describe('an outage of Kafka', () => {
  it('fails nothing, loses nothing and doubles nothing, in bounded memory, oldest first', async () => {
    const parts = await createParts(1_000_000_000);
    const { relay, producer, journal, outbox, test, logged } = parts;
    let number = 0;
    let lost = 0;
    let pendingBytesMost = 0;
    const load = setInterval(() => {
      for (let index = 0; index < 4; index++) {
        lost += attempt(parts, number);
        number += 1;
      }
      pendingBytesMost = Math.max(pendingBytesMost, producer.pendingBytes);
    }, 2);
    await sleep(300);
    await relay.cut();
    await sleep(OUTAGE_MS);
    expect(outbox.isBehind).toBe(true);
    const waiting = journal.bytes;
    await relay.heal();
    await until(() => !outbox.isBehind);
    await sleep(200);
    clearInterval(load);
    await until(() => producer.stats.pending === 0 && journal.bytes < waiting / 2);
    expect(journal.close()).toEqual({ openNotes: 0, unsettled: 0 });

    expect(lost).toBe(0);
    expect(number).toBeGreaterThan(2_000);
    expect(waiting).toBeGreaterThan(5 * PENDING_BYTES_MAX);
    // The bound, and one batch that is sent from the journal.
    expect(pendingBytesMost).toBeLessThanOrEqual(PENDING_BYTES_MAX + 60_000);
    const partitions = await readNumbers(test);
    const all = partitions.flat();
    expect([...new Set(all)].toSorted((a, b) => a - b)).toEqual([...Array(number).keys()]);
    // A send whose answer was cut off is repeated; every copy is in the Kafka partition of the first.
    const placed = new Map<number, number>();
    for (const [kafkaPartition, numbers] of partitions.entries()) {
      for (const found of numbers) {
        expect(placed.get(found) ?? kafkaPartition).toBe(kafkaPartition);
        placed.set(found, kafkaPartition);
      }
      const firsts = [...new Set(numbers)];
      const sorted = firsts.toSorted((a, b) => a - b);
      expect(firsts).toEqual(sorted);
    }
    expect(all.length - number).toBeLessThan(1_000);
    expect(logged.join('')).toContain('events wait in the journal');
    expect(logged.join('')).toContain('journal has caught up');
  });

  it('keeps what fits below the disk limit and counts the rest, which is the policy "serve"', async () => {
    const parts = await createParts(400_000);
    const { relay, journal, outbox, producer, test } = parts;
    await relay.cut();
    let lost = 0;
    const count = 3_000;
    for (let number = 0; number < count; number++) {
      lost += attempt(parts, number);
      if (number % 50 === 0) {
        await sleep(1);
      }
    }
    expect(lost).toBeGreaterThan(0);
    expect(journal.isFull).toBe(true);
    expect(journal.bytes).toBeLessThan(420_000);
    await relay.heal();
    await until(() => !outbox.isBehind && producer.stats.pending === 0);
    expect(journal.isFull).toBe(false);
    const all = new Set((await readNumbers(test)).flat());
    expect(all.size).toBe(count - lost);
    expect(attempt(parts, count)).toBe(0);
  });

  it('that outlives the process is made up for by the next one', async () => {
    const parts = await createParts(1_000_000_000);
    const { relay, journal, outbox, producer, test, folder, logged } = parts;
    await relay.cut();
    for (let number = 0; number < 2_000; number++) {
      expect(attempt(parts, number)).toBe(0);
    }
    await sleep(50);
    await outbox.close();
    const { unsent } = await producer.close(100);
    expect(unsent).toBeGreaterThan(0);
    expect(journal.close()).toEqual({ openNotes: 0, unsettled: 2_000 });

    const heir = createBatchProducer({
      kafka: test.kafka,
      topic: test.topic,
      kafkaPartitions: KAFKA_PARTITIONS,
    });
    const replayed = await replayJournals(folder, {
      producer: heir,
      topic: test.topic,
      readTopic: () => readTopicNow(test.kafka, test.topic),
      sourceRef: 'proxy-2/0.1.0',
      instance: 'proxy-2',
      pid: 1,
      replayBytesPerSecond: 1_000_000,
      signal: new AbortController().signal,
      logger: testKafka('127.0.0.1:1').logger,
      now: Date.now,
    });
    await heir.close(1_000);
    expect(replayed).toMatchObject({ journals: 1, events: 2_000, orphans: 0, failed: 0 });
    const partitions = await readNumbers(test);
    expect(partitions.flat().toSorted((a, b) => a - b)).toEqual([...Array(2_000).keys()]);
    for (const numbers of partitions) {
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    expect(logged.length).toBeGreaterThan(0);
  });
});
