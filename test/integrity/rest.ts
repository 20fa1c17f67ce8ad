import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDeadLetter } from '@meterstone/events';
import { fetchCommitted, readRange } from '@meterstone/kafka';
import type { Offsets } from './stored-rows.ts';
import type { PipelineUnderTest } from './system.ts';

const POLL_MS = 200;
/** So many looks in a row must find nothing left to do: a record may be between two places. */
const LOOKS = 3;

/** Waits until nothing is on its way any more; resolves with what is still under way at the deadline, else `null`. */
export async function waitForRest(pipeline: PipelineUnderTest, deadlineMs: number): Promise<string | null> {
  let under = 'nothing was looked at';
  let quiet = 0;
  for (const deadline = Date.now() + deadlineMs; Date.now() < deadline; await sleep(POLL_MS)) {
    const found = await underWay(pipeline).catch((error: unknown) => String(error));
    quiet = found === null ? quiet + 1 : 0;
    under = found ?? under;
    if (quiet >= LOOKS) return null;
  }
  return under;
}

/** Where each Kafka partition of a topic ends. */
export async function readLogEnds({ kafka }: PipelineUnderTest, topic: string): Promise<Map<number, number>> {
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    return new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  } finally {
    await admin.disconnect();
  }
}

/** The values of the records that became dead letters from these offsets on, as hex; a letter repeated counts once. */
export async function readLetterValues(pipeline: PipelineUnderTest, from: Offsets): Promise<Set<string>> {
  const { kafka, topics } = pipeline;
  const [end = 0] = (await readLogEnds(pipeline, topics.deadLetters)).values();
  const records = await readRange({ kafka, topic: topics.deadLetters, kafkaPartition: 0, from: 0, to: end });
  const letters = Array.from(records, ({ value }) => decodeDeadLetter(value ?? Buffer.alloc(0)));
  return new Set(
    letters
      .filter(({ kafkaPartition, kafkaOffset }) => kafkaOffset >= (from.get(kafkaPartition) ?? 0))
      .map(({ recordValue }) => recordValue?.toString('hex') ?? ''),
  );
}

/** In words; `null` = nothing. */
async function underWay(pipeline: PipelineUnderTest): Promise<string | null> {
  const waiting = await proxyWaiting(pipeline);
  if (waiting !== null) return waiting;
  const { kafka, groupId, topics } = pipeline;
  const [ends, committed] = await Promise.all([
    readLogEnds(pipeline, topics.usageEvents),
    fetchCommitted({ kafka, groupId, topic: topics.usageEvents }),
  ]);
  const behind = [...ends]
    .filter(([kafkaPartition, end]) => end !== (committed.get(kafkaPartition) ?? 0))
    .map(([kafkaPartition, end]) => `${kafkaPartition}: ${committed.get(kafkaPartition) ?? 0} of ${end}`);
  if (behind.length === 0) return null;
  return `Kafka partitions behind their logs: ${behind.join(', ')}; ${await aggregatorReasons(pipeline)}`;
}

/** Gauges of a proxy that are 0 when it has nothing more to hand over, neither in memory nor in its journal. */
const WAITING = [
  'in_flight',
  'draining',
  'pending_bytes',
  'journal_behind',
  'journal_open_notes',
  'journal_oldest_unsettled_seconds',
];

async function proxyWaiting({ proxy }: PipelineUnderTest): Promise<string | null> {
  const metrics = await fetch(`${proxy.url}/metrics`).then((response) => response.text());
  const waiting = metrics.split('\n').filter((line) => {
    const [, name = '', value = '0'] = /^meterstone_proxy_(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    return WAITING.includes(name) && Number(value) > 0;
  });
  return waiting.length === 0 ? null : `the proxy holds ${waiting.join(', ')}`;
}

async function aggregatorReasons({ aggregators }: PipelineUnderTest): Promise<string> {
  const answers = aggregators
    .filter(({ process }) => process.isRunning)
    .map(async ({ process }) => {
      const text = await fetch(`${process.url}/readyz`).then(
        (response) => response.text(),
        (error: unknown) => String(error),
      );
      return `${process.name} says ${text}`;
    });
  return (await Promise.all(answers)).join('; ');
}
