import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { encodeUsageEvent } from '@meterstone/events';
import { type FetchedRecord, RecordList } from '@meterstone/kafka';
import { createRater, type RatingTerms } from '@meterstone/metering';
import { createUserKeyer, rawBlockBytes } from '@meterstone/store';
import { DuplicateWindow } from '../../../services/aggregator/src/deduplicate.ts';
import { FastLane } from '../../../services/aggregator/src/fast-lane/fast-lane.ts';
import { type RatingTools, rateBatch } from '../../../services/aggregator/src/rate-batch.ts';
import type { RatedBatch, RecordRange } from '../../../services/aggregator/src/rated-batch.ts';
import { USER_KEY_SECRET } from '../stack/service-process.ts';
import { createTraffic, type TrafficOptions } from '../traffic/usage-traffic.ts';

/** The aggregator's own tools for rating a range. */
export function ratingTools(terms: RatingTerms): RatingTools {
  const userKeyOf = createUserKeyer(Buffer.from(USER_KEY_SECRET));
  return { terms, rate: createRater(terms), userKeyOf, fastLane: new FastLane({ terms, userKeyOf }) };
}

/** The traffic as records of one Kafka partition, so many at a time. */
export function* recordBlocks(traffic: TrafficOptions, blockRows: number): Generator<RecordList> {
  const slab = Buffer.allocUnsafe(65_536);
  let records: FetchedRecord[] = [];
  let offset = 0;
  for (const event of createTraffic(traffic)) {
    const value = Buffer.from(slab.subarray(0, encodeUsageEvent(event, slab, 0)));
    records.push({ offset, timestampMs: event.ingestedAt, key: Buffer.from(event.operationId), value });
    offset += 1;
    if (records.length === blockRows) {
      yield RecordList.of(records);
      records = [];
    }
  }
  if (records.length > 0) yield RecordList.of(records);
}

/** Records as one range. */
export function rangeOf(records: RecordList): RecordRange {
  const firstOffset = records.offsetAt(0) ?? 0;
  const nextOffset = firstOffset + records.length;
  return { stream: 1, topic: 'bench', kafkaPartition: 0, firstOffset, nextOffset, records };
}

/** Rates records as the aggregator does, as one range. */
function rateRecords(records: RecordList, tools: RatingTools): RatedBatch {
  const outcome = rateBatch(rangeOf(records), { tools, window: new DuplicateWindow() });
  if (outcome.kind !== 'rated') throw new Error(`org ${outcome.orgId} is not configured`);
  return outcome.batch;
}

/** Writes the traffic's rows in the aggregator's own RowBinary, block behind block, each sorted as it sends it. */
export async function writeRowFile(
  path: string,
  { traffic, blockRows, terms }: { traffic: TrafficOptions; blockRows: number; terms: RatingTerms },
): Promise<void> {
  const tools = ratingTools(terms);
  const file = createWriteStream(path);
  for (const records of recordBlocks(traffic, blockRows)) {
    const bytes = rawBlockBytes(rateRecords(records, tools).block);
    if (!file.write(bytes)) await new Promise((resolve) => file.once('drain', resolve));
  }
  file.end();
  await finished(file);
}
