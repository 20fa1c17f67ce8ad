/**
 * A process with a journal, for tests that kill it: `load` notes attempts, tells a provider's ledger of each when it may
 * leave, and ends it with an event a little later; `replay` sends what dead processes left; `hold` only holds a lock.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { encodeUsageEvent } from '@meterstone/events';
import { Outbox, openJournal, readTopicNow, replayJournals } from '@meterstone/journal';
import { createBatchProducer, createKafka } from '@meterstone/kafka';
import { createLogger } from '@meterstone/runtime';
import { exampleEvent } from '../../packages/events/src/example-event.ts';

const [mode = '', folder = '', topic = '', brokers = '', ledgerPath = ''] = process.argv.slice(2);
const KAFKA_PARTITIONS = 4;
const TURN_MS = 1;
const ATTEMPTS_PER_TURN_MAX = 6;
/** Of attempts in flight; an ended one takes its event along. */
const FLIGHT_MS_MAX = 80;

const logger = createLogger({ service: 'journal-child', level: 'warn' });
const journal = openJournal({
  folder,
  // One name for all, and one process id: containers use them again.
  instance: 'proxy-1',
  pid: 7,
  topic,
  topicId: null,
  bytesMax: 256 * 1024 * 1024,
  fsyncMs: 0,
  segmentBytesMax: 60_000,
  logger,
  now: Date.now,
  random: Math.random,
});
if (mode === 'hold') {
  setInterval(() => undefined, 1_000);
} else {
  const kafka = createKafka({ brokers: brokers.split(','), clientId: 'journal-child', logger });
  const producer = createBatchProducer({
    kafka,
    topic,
    kafkaPartitions: KAFKA_PARTITIONS,
    lingerMs: 5,
    // So small that events stand in the journal alone now and then.
    pendingBytesMax: 40_000,
    beforeSend: () => journal.written(),
    onAcknowledged: (range) => journal.settle(range),
  });
  const replayed = await replayJournals(folder, {
    producer,
    topic,
    readTopic: () => readTopicNow(kafka, topic),
    sourceRef: 'journal-child/heir',
    instance: 'proxy-1',
    pid: 7,
    signal: new AbortController().signal,
    logger,
    now: Date.now,
  });
  process.stdout.write(`${JSON.stringify({ replayed })}\n`);
  if (mode === 'load') {
    const outbox = new Outbox({ journal, producer, kafkaPartitions: KAFKA_PARTITIONS, logger });
    load(outbox, openSync(ledgerPath, 'a'));
  } else {
    await producer.close(10_000);
    journal.close();
    process.exit(0);
  }
}
process.stdout.write('"ready"\n');

function load(outbox: Outbox, ledger: number): void {
  const slab = Buffer.alloc(65_536);
  setInterval(() => {
    const count = Math.floor(Math.random() * ATTEMPTS_PER_TURN_MAX);
    for (let attempt = 0; attempt < count; attempt++) {
      const eventId = randomBytes(16);
      const note = exampleEvent({
        eventId,
        operationId: randomUUID(),
        outcome: 'orphan',
        usageSource: 'estimated',
        occurredAt: Date.now(),
      });
      const entry = journal.note(note);
      journal.whenWritten(() => {
        writeSync(ledger, `${eventId.toString('hex')}\n`);
        setTimeout(() => end(eventId), Math.random() * FLIGHT_MS_MAX);
      });
      const end = (id: Buffer): void => {
        const lines = Math.random() < 0.2 ? [0, 1] : [0];
        const records = lines.map((line) => {
          const bytes = encodeUsageEvent(
            exampleEvent({ eventId: id, line, operationId: note.operationId }),
            slab,
            0,
          );
          return { key: note.operationId, value: Buffer.from(slab.subarray(0, bytes)) };
        });
        if (outbox.send(entry, { eventId: id, records }) > 0) {
          throw new Error('an event was lost');
        }
      };
    }
  }, TURN_MS);
}
