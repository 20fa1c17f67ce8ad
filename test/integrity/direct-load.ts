import { setTimeout as sleep } from 'node:timers/promises';
import { encodeUsageEvent } from '@meterstone/events';
import { createProducer, type KafkaClient, type ProducerRecord } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import { createChance } from './random.ts';
import { sentEvent } from './sent-event.ts';

/** Events that are produced straight to Kafka until the load is stopped. */
export interface DirectLoad {
  /** Every event that will be on Kafka, once each, however often it is delivered. */
  readonly events: readonly UsageEvent[];
  /** Records that no event can be read from, as hex: each must become a dead letter. */
  readonly poison: ReadonlySet<string>;
  /** Records delivered a second time on purpose. */
  readonly repeated: () => number;
  /** Resolves when everything is acknowledged. */
  stop(): Promise<void>;
}

export interface DirectLoadOptions {
  readonly kafka: KafkaClient;
  readonly topic: string;
  readonly kafkaPartitions: number;
  readonly batchEvents: number;
  readonly pauseMs: number;
  readonly seed: number;
}

const EVENT_BYTES_MAX = 4_096;
const REPEAT_SHARE = 0.1;
/** Older records than so many per Kafka partition are not sent again. */
const REMEMBERED_MAX = 2_000;
const POISON_SHARE = 0.2;
const RETRY_MS = 300;

/**
 * Starts producing. A batch that is not acknowledged is sent again, to the same Kafka partitions; and some records that
 * were acknowledged long ago are sent again for nothing.
 */
export function startDirectLoad(options: DirectLoadOptions): DirectLoad {
  const chance = createChance(options.seed);
  const producer = createProducer(options);
  const events: UsageEvent[] = [];
  const poison = new Set<string>();
  const sent: ProducerRecord[] = [];
  let repeated = 0;
  let stopped = false;

  const nextBatch = (): ProducerRecord[] => {
    const fresh = Array.from({ length: options.batchEvents }, () => {
      const event = sentEvent(chance, Date.now());
      events.push(event);
      return toRecord(event, options.kafkaPartitions);
    });
    const again = sent.filter(() => chance.happens((REPEAT_SHARE * options.batchEvents) / sent.length));
    repeated += again.length;
    const batch = [...fresh, ...again];
    if (chance.happens(POISON_SHARE)) {
      const value = Buffer.from(`not an event, ${options.seed} ${events.length} ${chance.next()}`);
      poison.add(value.toString('hex'));
      batch.push({ key: null, value, kafkaPartition: chance.between(0, options.kafkaPartitions - 1) });
    }
    sent.push(...fresh);
    sent.splice(0, Math.max(0, sent.length - REMEMBERED_MAX * options.kafkaPartitions));
    return batch;
  };

  const run = async () => {
    while (!stopped) {
      const batch = nextBatch();
      for (;;) {
        const acknowledged = await producer.send(batch).then(
          () => true,
          () => false,
        );
        if (acknowledged) break;
        await sleep(RETRY_MS);
      }
      await sleep(options.pauseMs);
    }
    await producer.close();
  };
  const running = run();
  return {
    events,
    poison,
    repeated: () => repeated,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Every copy of an event goes where the first went: by its id. */
function toRecord(event: UsageEvent, kafkaPartitions: number): ProducerRecord {
  const slab = Buffer.alloc(EVENT_BYTES_MAX);
  const end = encodeUsageEvent(event, slab, 0);
  return {
    key: event.operationId,
    value: slab.subarray(0, end),
    kafkaPartition: (event.eventId[0] ?? 0) % kafkaPartitions,
  };
}
