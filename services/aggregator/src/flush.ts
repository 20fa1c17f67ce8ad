import type { Membership, ProducerRecord } from '@meterstone/kafka';
import { type LedgerRange, type RawBlock, StoreError, type UserName } from '@meterstone/store';
import { toLetterRecords } from './dead-letters.ts';
import { AggregatorError } from './errors.ts';
import { formatIntent } from './intent.ts';
import { toLedgerRange } from './ledger-row.ts';
import type { PendingBatch } from './pending-batch.ts';
import type { RecordRange } from './rated-batch.ts';

/** Where a batch goes. Each call rejects when it is not known to have succeeded, and can be repeated as it is. */
export interface BatchWriters {
  insertUsers(users: readonly UserName[]): Promise<void>;
  insertRows(block: RawBlock, token: string): Promise<void>;
  /** Resolves when the block is in raw and in every rollup, once. */
  ensureStored(pending: PendingBatch): Promise<void>;
  /** Whether nothing of the block is stored, in raw or in any rollup. */
  isAbsent(pending: PendingBatch): Promise<boolean>;
  sendDeadLetters(records: readonly ProducerRecord[]): Promise<void>;
  insertLedger(range: LedgerRange): Promise<void>;
}

/**
 * Stores what is missing of a batch; resolves when its offsets may be committed. Rejects at the first failure, and can
 * be called again.
 *
 * The order is what a crash between two lines leaves behind. The intent before anything, acknowledged under the
 * membership of the fetch: whoever comes next stores the very same block under the same token, and one who is no longer
 * the owner stores nothing. Users before the rows that name them by key: a row never stands without its name. Rows
 * before dead letters before the ledger: its row says that all of the range is stored. The commit, which is the
 * consumer's, comes last; the ledger wins where it is missing.
 */
export async function flush(
  pending: PendingBatch,
  writers: BatchWriters,
  membership: Membership,
): Promise<void> {
  const { range, batch, intent } = pending;
  if (pending.done === 'nothing') {
    assertCurrent(range, membership);
    await membership.note({ nextOffset: range.firstOffset, metadata: formatIntent(intent) });
    pending.done = 'intent';
  }
  if (pending.done === 'intent') {
    assertCurrent(range, membership);
    await writers.insertUsers(batch.users);
    pending.done = 'users';
  }
  if (pending.done === 'users') {
    assertCurrent(range, membership);
    await insertRows(pending, writers);
    pending.done = 'rows';
  }
  if (pending.done === 'rows') {
    if (pending.isUncertain) {
      await writers.ensureStored(pending);
    }
    pending.done = 'verified';
  }
  if (pending.done === 'verified') {
    await writers.sendDeadLetters(toLetterRecords(batch.deadLetters));
    pending.done = 'letters';
  }
  if (pending.done === 'letters') {
    await writers.insertLedger(toLedgerRange(pending));
    pending.done = 'all';
  }
}

async function insertRows(pending: PendingBatch, writers: BatchWriters): Promise<void> {
  const { batch, intent } = pending;
  try {
    await writers.insertRows(batch.block, intent.token);
  } catch (error) {
    pending.isUncertain ||= !isRefusal(error);
    pending.memoryRefusals += isMemoryRefusal(error) ? 1 : 0;
    throw error;
  }
}

/** The server answered that it did not do it; what of it had been done already, the token completes. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'server_busy' || error.code === 'server_refused');
}

/** ClickHouse has no memory for it at the moment, alone or beside what else it does: `MEMORY_LIMIT_EXCEEDED`. */
function isMemoryRefusal(error: unknown): boolean {
  return error instanceof StoreError && error.serverCode === '241';
}

/** The heir of a Kafka partition carries out the intent; two at once meet at the token, but need not. */
function assertCurrent({ kafkaPartition }: RecordRange, membership: Membership): void {
  if (!membership.isCurrent()) {
    throw new AggregatorError(
      'assignment_lost',
      `Kafka partition ${kafkaPartition} went to another aggregator`,
    );
  }
}
