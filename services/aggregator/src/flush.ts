import type { ProducerRecord } from '@meterstone/kafka';
import type { RawBlock, UserName } from '@meterstone/store';
import { toLetterRecords } from './dead-letters.ts';
import { AggregatorError } from './errors.ts';
import type { RatedBatch, RecordRange } from './rate-batch.ts';

/** Where a batch goes. Each call rejects when it is not known to have succeeded, and can be repeated as it is. */
export interface BatchWriters {
  insertUsers(users: readonly UserName[]): Promise<void>;
  insertRows(block: RawBlock, token: string): Promise<void>;
  sendDeadLetters(records: readonly ProducerRecord[]): Promise<void>;
}

/** What a range became, and how much of it is stored: kept until all is, so that an attempt never rates anew. */
export interface PendingBatch {
  readonly range: RecordRange;
  readonly batch: RatedBatch;
  done: 'nothing' | 'users' | 'rows' | 'all';
}

/** Version of a row's layout in RowBinary. Part of the token, because other bytes under one token would be dropped. */
const ROW_LAYOUT = 1;

/**
 * Stores what is missing of a batch; resolves when its offsets may be committed. Rejects at the first failure, and can
 * be called again. `isCurrent`: the Kafka partition is still ours.
 *
 * The order is what a crash between two lines leaves behind. Users before the rows that name them by key: a row never
 * stands without its name. Rows before dead letters before the commit: a crash in between repeats the range, whose rows
 * the token drops where the range comes back with the same bounds, and whose dead letters have the same identity.
 */
export async function flush(
  pending: PendingBatch,
  writers: BatchWriters,
  isCurrent: () => boolean,
): Promise<void> {
  const { range, batch } = pending;
  if (pending.done === 'nothing') {
    assertCurrent(range, isCurrent);
    await writers.insertUsers(batch.users);
    pending.done = 'users';
  }
  if (pending.done === 'users') {
    assertCurrent(range, isCurrent);
    await writers.insertRows(batch.block, blockToken(range));
    pending.done = 'rows';
  }
  if (pending.done === 'rows') {
    await writers.sendDeadLetters(toLetterRecords(batch.deadLetters));
    pending.done = 'all';
  }
}

/** Names a block: stream, Kafka partition, half-open range of offsets, row layout. */
function blockToken({ stream, kafkaPartition, firstOffset, nextOffset }: RecordRange): string {
  return `us${stream}-p${kafkaPartition}-${firstOffset}-${nextOffset}-l${ROW_LAYOUT}`;
}

/** The heir of a Kafka partition stores the range under bounds of its own, so two inserts would double it. */
function assertCurrent({ kafkaPartition }: RecordRange, isCurrent: () => boolean): void {
  if (!isCurrent()) {
    throw new AggregatorError(
      'assignment_lost',
      `Kafka partition ${kafkaPartition} went to another aggregator`,
    );
  }
}
