import type { Membership } from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Intent } from './intent.ts';
import type { Lane } from './lane.ts';
import type { ReadRecords } from './partition-window.ts';
import type { PendingBatch } from './pending-batch.ts';
import { type OlderSources, openPending } from './pending-range.ts';
import type { RecordRange } from './rated-batch.ts';
import type { Toolbox } from './rating-toolbox.ts';
import { stopped } from './stops.ts';

export interface CarryOutParts {
  readonly topic: string;
  readonly readRecords: ReadRecords;
  readonly loadTerms: (epoch: string) => Promise<RatingTerms>;
  readonly toolbox: Toolbox;
  readonly older: OlderSources;
}

/**
 * Builds the block of an intent again: the same range read from Kafka, rated with the terms of the intent's epoch,
 * whatever is in force now. The checksum says whether it is the same block; if not, nothing is stored, for part of the
 * other one may be. Throws KafkaError `partition_stopped` then, and where the terms are gone.
 */
export async function carryOut(
  { intent, membership, lane }: { intent: Intent; membership: Membership; lane: Lane },
  { topic, readRecords, loadTerms, toolbox, older }: CarryOutParts,
): Promise<PendingBatch> {
  const { firstOffset, nextOffset, stream } = intent;
  const { kafkaPartition } = membership;
  const records = await readRecords(kafkaPartition, firstOffset, nextOffset);
  const range: RecordRange = { stream, topic, kafkaPartition, firstOffset, nextOffset, records };
  const rating = toolbox.of(await loadTermsOf(intent, loadTerms));
  const pending = await openPending(lane, range, { rating, sources: older });
  const built = pending.intent;
  if (built.token !== intent.token || built.rows !== intent.rows || built.checksum !== intent.checksum) {
    throw stopped(
      `the block of ${intent.token} cannot be built again: ${built.rows} rows, ${built.checksum} as ${built.token}, noted are ${intent.rows} rows, ${intent.checksum}`,
    );
  }
  return { ...pending, intent, done: 'intent', isUncertain: true };
}

async function loadTermsOf(
  { epoch, token }: Intent,
  loadTerms: CarryOutParts['loadTerms'],
): Promise<RatingTerms> {
  try {
    return await loadTerms(epoch);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'bundle_missing' || code === 'bundle_damaged') {
      throw stopped(`the terms of ${token}, bundle ${epoch}, are missing or damaged`, error);
    }
    throw error;
  }
}
