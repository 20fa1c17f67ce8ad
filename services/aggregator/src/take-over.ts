import type { CommittedPosition, LogBounds, Membership } from '@meterstone/kafka';
import { type LedgerEntry, recordChecksum } from '@meterstone/store';
import type { Intent } from './intent.ts';
import type { ReadRecords } from './partition-window.ts';
import { decideStart } from './start-decision.ts';
import { stopped } from './stops.ts';

/** What is known of a topic and its stream when an assignment begins. */
export interface AssignmentFacts {
  readonly stream: number;
  /** Kafka partition → the ledger's position. */
  readonly positions: ReadonlyMap<number, number>;
  readonly logBounds: ReadonlyMap<number, LogBounds>;
}

/** Where the facts are asked for. */
export interface TakeOverSources {
  readonly readRecords: ReadRecords;
  /** The stored range that holds an offset; `null` = the ledger knows none. */
  readonly readStoredRange: (place: {
    stream: number;
    kafkaPartition: number;
    kafkaOffset: number;
  }) => Promise<LedgerEntry | null>;
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
  { stream, positions, logBounds }: AssignmentFacts,
  sources: TakeOverSources,
): Promise<TakenOver> {
  const { kafkaPartition } = membership;
  const committed = await membership.committed();
  const log = logBounds.get(kafkaPartition) ?? null;
  const decision = decideStart({ stream, committed, ledger: positions.get(kafkaPartition) ?? null, log });
  if (decision.kind === 'stop') {
    throw stopped(decision.cause);
  }
  const { position, intent } = decision;
  await compareLastRecord({ stream, kafkaPartition, position, log }, sources);
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
  {
    stream,
    kafkaPartition,
    position,
    log,
  }: { stream: number; kafkaPartition: number; position: number; log: LogBounds | null },
  { readRecords, readStoredRange }: TakeOverSources,
): Promise<void> {
  if (position === 0) {
    return;
  }
  const place = { stream, kafkaPartition, kafkaOffset: position - 1 };
  const mark = (await readStoredRange(place))?.lastRecord ?? null;
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
