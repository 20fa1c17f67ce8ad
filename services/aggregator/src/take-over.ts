import type { CommittedPosition, LogBounds, Membership } from '@meterstone/kafka';
import { type LedgerEntry, recordChecksum } from '@meterstone/store';
import type { Intent } from './intent.ts';
import type { ReadRecords } from './partition-window.ts';
import { decideStart } from './start-decision.ts';
import { stopped } from './stops.ts';

/** What is known of a topic and its stream when an assignment begins. */
export interface AssignmentFacts {
  readonly stream: number;
  readonly logBounds: ReadonlyMap<number, LogBounds>;
}

/** Where the facts are asked for. */
export interface TakeOverSources {
  readonly readRecords: ReadRecords;
  /** The last stored range of a Kafka partition; `null` = nothing of it is stored. */
  readonly readLastRange: (place: { stream: number; kafkaPartition: number }) => Promise<LedgerEntry | null>;
}

/** Where a Kafka partition goes on. */
export interface TakenOver {
  readonly position: number;
  readonly intent: Intent | null;
}

/**
 * Finds where a Kafka partition goes on, and moves Kafka forward where it is behind the ledger. Throws KafkaError
 * `partition_stopped` where that is for a person to say; otherwise what the sources throw, and can be repeated.
 */
export async function takeOver(
  membership: Membership,
  { stream, logBounds }: AssignmentFacts,
  sources: TakeOverSources,
): Promise<TakenOver> {
  const { kafkaPartition } = membership;
  // In this order: whoever owned it before wrote to the ledger first.
  const committed = await membership.committed();
  const last = await sources.readLastRange({ stream, kafkaPartition });
  const log = logBounds.get(kafkaPartition) ?? null;
  const decision = decideStart({ stream, committed, ledger: last?.nextOffset ?? null, log });
  if (decision.kind === 'stop') {
    throw stopped(decision.cause);
  }
  const { position, intent } = decision;
  await compareLastRecord({ kafkaPartition, last, log }, sources.readRecords);
  if (intent === null && needsMove(committed, position)) {
    await membership.note({ nextOffset: position, metadata: null });
  }
  return { position, intent };
}

function needsMove(committed: CommittedPosition | null, position: number): boolean {
  return committed === null ? position > 0 : committed.nextOffset !== position || committed.metadata !== null;
}

/** A topic that was made again and has grown past the ledger holds other records below it. */
async function compareLastRecord(
  { kafkaPartition, last, log }: { kafkaPartition: number; last: LedgerEntry | null; log: LogBounds | null },
  readRecords: ReadRecords,
): Promise<void> {
  const mark = last?.lastRecord ?? null;
  if (mark === null || log === null || log.start > mark.offset) {
    return;
  }
  const [record] = await readRecords(kafkaPartition, mark.offset, mark.offset + 1);
  if (record === undefined || recordChecksum(record.value) !== mark.checksum) {
    throw stopped(
      `the record at offset ${mark.offset} is not the one that was stored: the topic was made again`,
    );
  }
}
