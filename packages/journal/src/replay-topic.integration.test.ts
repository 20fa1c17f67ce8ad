import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUsageEvent } from '@meterstone/events';
import { createBatchProducer, createKafka, type KafkaClient, readRange } from '@meterstone/kafka';
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { Journal } from './journal.ts';
import { replayJournals } from './replay-journals.ts';
import {
  ended,
  hex,
  memoryProducer,
  removeTestFolders,
  replayOptions,
  SILENT,
  testEvent,
  testFolder,
  testJournal,
} from './test-journal.ts';
import { readTopicNow } from './topic-now.ts';

afterEach(removeTestFolders);

const kafka: KafkaClient = createKafka({
  brokers: inject('kafkaBrokers').split(','),
  clientId: 'journal-test',
  logger: SILENT,
});

async function admin<T>(work: (client: ReturnType<KafkaClient['kafkajs']['admin']>) => Promise<T>) {
  const client = kafka.kafkajs.admin();
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.disconnect();
  }
}

async function makeTopic(topic: string, kafkaPartitions: number): Promise<void> {
  await admin(async (client) => {
    const topics = [{ topic, numPartitions: kafkaPartitions }];
    // A topic that is being deleted is refused for a moment.
    while (!(await client.createTopics({ topics, waitForLeaders: true }).catch(() => false))) {
      await sleep(50);
    }
  });
}

const deleteTopic = (topic: string) => admin((client) => client.deleteTopics({ topics: [topic] }));

/** Events with the Kafka partitions they were meant for, in their order. */
function appendTo(journal: Journal, kafkaPartitions: readonly number[]): string[] {
  return kafkaPartitions.map((kafkaPartition) => {
    const event = testEvent();
    const built = { ordinal: journal.nextOrdinal, kafkaPartition, ...ended(event) };
    journal.append(journal.note(event), { eventId: event.eventId, events: [built] });
    return hex(event);
  });
}

async function readIds(topic: string, kafkaPartitions: number): Promise<string[][]> {
  const partitions = Array.from({ length: kafkaPartitions }, (_, kafkaPartition) =>
    readRange({ kafka, topic, kafkaPartition, from: 0, to: 1_000 }),
  );
  return (await Promise.all(partitions)).map((records) =>
    Array.from(records, ({ value }) => hex(decodeUsageEvent(value ?? Buffer.alloc(0)))),
  );
}

async function replay(folder: string, topic: string, kafkaPartitions: number) {
  const producer = createBatchProducer({ kafka, topic, kafkaPartitions });
  try {
    return await replayJournals(
      folder,
      replayOptions(memoryProducer(), { producer, topic, readTopic: () => readTopicNow(kafka, topic) }),
    );
  } finally {
    await producer.close(5_000);
  }
}

describe('a journal that waits while its topic is deleted and made again', () => {
  it('is sent to the new one, each event to its own Kafka partition or one that is there', async () => {
    const topic = `journal-again-${process.hrtime.bigint()}`;
    await makeTopic(topic, 4);
    const before = await readTopicNow(kafka, topic);
    expect(before.kafkaPartitions).toBe(4);
    const folder = testFolder();
    const journal = testJournal({ folder, topic, topicId: before.id });
    const ids = appendTo(journal, [0, 1, 2, 3, 3]);
    // The first of them reached the old topic: it is settled, and not sent again.
    journal.settle({ first: 0, next: 1 });
    const open = testEvent();
    journal.note(open);
    expect(journal.close()).toEqual({ openNotes: 1, unsettled: 4 });

    await deleteTopic(topic);
    await makeTopic(topic, 2);
    expect((await readTopicNow(kafka, topic)).id).not.toBe(before.id);
    expect(await replay(folder, topic, 2)).toMatchObject({
      journals: 1,
      failed: 0,
      events: 4,
      orphans: 1,
      moved: 3,
    });
    const [first = [], second = []] = await readIds(topic, 2);
    expect(first).toEqual([ids[2], hex(open)]);
    expect(second).toEqual([ids[1], ids[3], ids[4]]);
  });

  it('keeps every event where a copy of it may stand, as long as the topic lives and only grows', async () => {
    const topic = `journal-grown-${process.hrtime.bigint()}`;
    await makeTopic(topic, 2);
    const { id } = await readTopicNow(kafka, topic);
    const folder = testFolder();
    const journal = testJournal({ folder, topic, topicId: id });
    const ids = appendTo(journal, [0, 1]);
    journal.close();
    await admin((client) => client.createPartitions({ topicPartitions: [{ topic, count: 5 }] }));
    // New Kafka partitions have no leader for a moment, and cannot be asked then.
    const grown = () =>
      readTopicNow(kafka, topic).then(
        (now) => now.kafkaPartitions === 5,
        () => false,
      );
    while (!(await grown())) await sleep(50);
    expect(await readTopicNow(kafka, topic)).toEqual({ id, kafkaPartitions: 5 });
    expect(await replay(folder, topic, 2)).toMatchObject({ journals: 1, events: 2, moved: 0 });
    expect(await readIds(topic, 5)).toEqual([[ids[0]], [ids[1]], [], [], []]);
  });

  it('stays as it is, and free for others, where there is no topic', async () => {
    const topic = `journal-gone-${process.hrtime.bigint()}`;
    const folder = testFolder();
    const journal = testJournal({ folder, topic, topicId: null });
    const ids = appendTo(journal, [1]);
    journal.close();
    await expect(replay(folder, topic, 2)).rejects.toMatchObject({ code: 'read_failed' });
    await makeTopic(topic, 2);
    expect(await replay(folder, topic, 2)).toMatchObject({ journals: 1, locked: 0, events: 1 });
    expect(await readIds(topic, 2)).toEqual([[], ids]);
  });
});
