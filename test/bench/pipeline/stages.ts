import { decodeUsageEvent } from '@meterstone/events';
import { createPartitionConsumer, type FetchedRecord, type KafkaClient, topicNames } from '@meterstone/kafka';
import { createRater, type RatingTerms, type UsageEvent, validateUsageEvent } from '@meterstone/metering';
import { appendRawRow, createRawBlock, rawBlockBytes } from '@meterstone/store';
import { DuplicateWindow } from '../../../services/aggregator/src/deduplicate.ts';
import { createContentHasher } from '../../../services/aggregator/src/event-content.ts';
import { measured, type Result } from '../result-file.ts';
import { summarize } from '../rounds.ts';
import type { TrafficOptions } from '../traffic/usage-traffic.ts';
import { ratingTools, recordBlocks } from './recorded-blocks.ts';

/** What the aggregator does with an event, a stage at a time, in this process alone. */
export interface StageOptions {
  readonly traffic: TrafficOptions;
  readonly blockRows: number;
  readonly terms: RatingTerms;
  readonly rounds: number;
}

type Stage = (block: StageBlock) => void;

/** One block on its way, with what the stages before made of it. */
interface StageBlock {
  readonly records: readonly FetchedRecord[];
  readonly events: UsageEvent[];
}

/** CPU of each stage in µs per event, medians over the rounds after a warm-up; every round does all stages in turn. */
export function measureStages(options: StageOptions): Result[] {
  const stages = createStages(options);
  const names = Object.keys(stages);
  const seen = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < options.rounds; round += 1) {
    const totals = runOnce(stages, options);
    if (round >= 0) for (const [name, total] of totals) seen.get(name)?.push(total);
  }
  return [...seen].map(([name, values]) => measured(`stage_${name}_us`, 'µs/event', summarize(values)));
}

function runOnce(
  stages: Readonly<Record<string, Stage>>,
  { traffic, blockRows }: StageOptions,
): Map<string, number> {
  const spent = new Map<string, number>();
  for (const records of recordBlocks(traffic, blockRows)) {
    const block: StageBlock = { records, events: [] };
    for (const [name, stage] of Object.entries(stages)) {
      const before = process.cpuUsage();
      stage(block);
      const { user, system } = process.cpuUsage(before);
      spent.set(name, (spent.get(name) ?? 0) + user + system);
    }
  }
  return new Map([...spent].map(([name, microseconds]) => [name, microseconds / traffic.events]));
}

/** In the order of the aggregator; each uses what those before it left behind. */
function createStages({ terms }: StageOptions): Record<string, Stage> {
  const tools = ratingTools(terms);
  const rate = createRater(terms);
  const contentOf = createContentHasher();
  let rows = createRawBlock();
  let ratings: ReturnType<typeof rate>[] = [];
  return {
    decode({ records, events }) {
      for (const { value } of records) if (value !== null) events.push(decodeUsageEvent(value));
    },
    validate({ records, events }) {
      for (const [index, event] of events.entries()) {
        const fault = validateUsageEvent(event, records[index]?.timestampMs ?? 0);
        if (fault !== null) throw new Error(`event ${index} is not valid: ${fault.code}`);
      }
    },
    duplicates({ events, records }) {
      const seen = new DuplicateWindow();
      for (const [index, event] of events.entries()) {
        const { eventId, line } = event;
        const content = contentOf(event);
        if (seen.find(eventId, line, content) !== 'absent') throw new Error('the traffic repeats an id');
        seen.add({ eventId, line, content, kafkaOffset: records[index]?.offset ?? 0 });
      }
    },
    rate({ events }) {
      ratings = events.map(rate);
    },
    row_binary({ events, records }) {
      rows = createRawBlock();
      for (const [index, event] of events.entries()) {
        const rating = ratings[index];
        if (rating === undefined) throw new Error('an event was not rated');
        appendRawRow(rows, {
          event,
          rating,
          userKey: tools.userKeyOf(event.orgId, event.user),
          coordinates: { stream: 1, kafkaPartition: 0, kafkaOffset: records[index]?.offset ?? 0 },
        });
      }
    },
    sort() {
      rawBlockBytes(rows);
    },
  };
}

/** CPU of reading the topic through the product's consumer and doing nothing with it, µs per event. */
export async function measureFetch(
  kafka: KafkaClient,
  { topicPrefix, events }: { topicPrefix: string; events: number },
): Promise<Result> {
  const done = Promise.withResolvers<void>();
  let seen = 0;
  const consumer = createPartitionConsumer({
    kafka,
    groupId: `${topicPrefix}.bench-fetch`,
    topic: topicNames(topicPrefix).usageEvents,
    onBatch: async ({ records }) => {
      seen += records.length;
      if (seen >= events) done.resolve();
    },
  });
  const before = process.cpuUsage();
  await consumer.start();
  await done.promise;
  const { user, system } = process.cpuUsage(before);
  await consumer.close();
  return { metric: 'stage_fetch_us', value: (user + system) / events, unit: 'µs/event', rounds: 1 };
}
