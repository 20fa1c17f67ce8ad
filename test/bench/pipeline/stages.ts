import {
  createPartitionConsumer,
  type KafkaClient,
  type PlacedRecord,
  type RecordList,
  topicNames,
} from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import { blockChecksum, type RawBlock } from '@meterstone/store';
import { nativeBlock } from '../../../packages/store/src/raw-block.ts';
import { DuplicateWindow } from '../../../services/aggregator/src/deduplicate.ts';
import { EventWalk } from '../../../services/aggregator/src/fast-lane/event-walk.ts';
import { IdentityKey } from '../../../services/aggregator/src/identity-key.ts';
import { type RatingTools, rateBatch } from '../../../services/aggregator/src/rate-batch.ts';
import type { RatedBatch } from '../../../services/aggregator/src/rated-batch.ts';
import { measured, type Result } from '../result-file.ts';
import { summarize } from '../rounds.ts';
import type { TrafficOptions } from '../traffic/usage-traffic.ts';
import { rangeOf, ratingTools, recordBlocks } from './recorded-blocks.ts';

/** What the aggregator does with an event, a stage at a time, in this process alone. */
export interface StageOptions {
  readonly traffic: TrafficOptions;
  readonly blockRows: number;
  readonly terms: RatingTerms;
  readonly rounds: number;
}

type Stage = (records: RecordList) => void;

/**
 * CPU of each stage in µs per event, medians over the rounds after a warm-up; every round does all stages in turn. `rows`
 * is the whole way from records to rows, which the first three are parts of; `rows_by_objects` is what it costs where
 * every record goes the way over objects.
 */
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
    for (const [name, stage] of Object.entries(stages)) {
      const before = process.cpuUsage();
      stage(records);
      const { user, system } = process.cpuUsage(before);
      spent.set(name, (spent.get(name) ?? 0) + user + system);
    }
  }
  return new Map([...spent].map(([name, microseconds]) => [name, microseconds / traffic.events]));
}

/** A row's room in scratch memory. */
const ROOM_BYTES = 65_536;
const CONTENT = 1;

/** In the order of the aggregator; the last ones use what `rows` left behind. */
function createStages({ terms }: StageOptions): Record<string, Stage> {
  const tools = ratingTools(terms);
  const walk = new EventWalk();
  const key = new IdentityKey();
  const bytes = new Uint8Array(ROOM_BYTES);
  const room = { bytes, view: new DataView(bytes.buffer), position: 0 };
  let window = new DuplicateWindow();
  let batch: RatedBatch | null = null;
  const walkOver = (record: PlacedRecord): void => {
    if (walk.walk(record, room) < 0) throw new Error('the traffic is unusual');
  };
  const rows = (records: RecordList, each: RatingTools, spent?: RawBlock): RatedBatch => {
    window = new DuplicateWindow();
    const outcome = rateBatch(rangeOf(records), {
      tools: each,
      window,
      ...(spent === undefined ? {} : { spent }),
    });
    if (outcome.kind !== 'rated') throw new Error(`org ${outcome.orgId} is not configured`);
    return outcome.batch;
  };
  return {
    walk(records) {
      for (const record of records) walkOver(record);
    },
    walk_and_content(records) {
      for (const record of records) {
        walkOver(record);
        walk.hashContent();
      }
    },
    walk_and_duplicates(records) {
      const seen = new DuplicateWindow(records.length);
      for (const record of records) {
        walkOver(record);
        key.read(walk.row.bytes, walk.idAt, walk.line);
        if (seen.add(key, CONTENT, record.offset) !== 'absent') throw new Error('the traffic repeats an id');
      }
    },
    rows(records) {
      batch = rows(records, tools, batch?.block);
    },
    columns() {
      if (batch !== null) nativeBlock(batch.block);
    },
    checksum() {
      if (batch !== null) blockChecksum(batch.block);
    },
    absorb() {
      if (batch !== null) window.absorb(batch.seen);
    },
    rows_by_objects(records) {
      rows(records, { ...tools, fastLane: null });
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
