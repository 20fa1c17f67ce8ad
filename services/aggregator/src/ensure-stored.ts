import { setTimeout as sleepFor } from 'node:timers/promises';
import {
  type BlockPlace,
  compareRollups,
  countStoredRows,
  insertRawBlock,
  type RollupDifference,
  rawBlockRowCount,
  readLastLedgerRange,
  type StoreClient,
} from '@meterstone/store';
import type { Counters } from './counters.ts';
import { AggregatorError } from './errors.ts';
import type { InsertGate } from './insert-gate.ts';
import type { PendingBatch } from './pending-batch.ts';
import { stopped } from './stops.ts';

export interface EnsureStoredParts {
  readonly store: StoreClient;
  readonly gate: InsertGate;
  readonly counters: Counters;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** @default timers of Node */
  readonly sleep?: (waitMs: number) => Promise<unknown>;
}

/** What raw and rollups say of a block. */
type Verdict =
  | { readonly kind: 'stored' }
  /** Raw lacks all of it, and no rollup has any of it. */
  | { readonly kind: 'absent' }
  /** Some of it is missing, or doubled. */
  | { readonly kind: 'different'; readonly detail: string };

/**
 * How long a difference stands before it is believed. Other blocks of the same orgs and quarters may be half stored too,
 * in this process or in one that died: until whoever has them has sent them again, which takes a session timeout and a
 * back-off at most, what they lack looks like this block's.
 */
export const DIFFERENCE_MS_MAX = 120_000;

/** Under load, others insert while raw and rollups are read: only what stands still is so. */
const LOOKS_MAX = 8;
const LOOK_PAUSE_MS = 500;
/** Looks in a row that must see the same. */
const SAME_LOOKS = 3;

/**
 * Makes sure that a block is stored whole and once after an insert whose outcome is not known. The token alone is no
 * proof: a ClickHouse that was killed between part and token may have one without the other. So raw is counted over the
 * range's offsets, and every rollup is compared with raw over the cells that the block touches.
 *
 * What is missing is sent again under the same token, which completes a half-stored block. If all of it is missing
 * although its token is known, it is stored under a token derived from that. A difference that is left may be another
 * block's: AggregatorError `not_verified`, try again, for `DIFFERENCE_MS_MAX`; then it is left for repair at rest and the
 * Kafka partition stops with KafkaError `partition_stopped`. `not_verified` too where too much was inserted meanwhile.
 * Otherwise throws `StoreError`.
 */
export async function ensureStored(pending: PendingBatch, parts: EnsureStoredParts): Promise<void> {
  const { counters, gate } = parts;
  const { batch, intent } = pending;
  await requireLedger(pending, parts);
  if (rawBlockRowCount(batch.block) === 0) {
    return;
  }
  let seen = '';
  for (const token of [null, intent.token, `${intent.token}-again`]) {
    if (token !== null) {
      await gate.insert(() => insertRawBlock({ client: parts.store, block: batch.block, token }));
    }
    counters.verifications += 1;
    const verdict = await gate.verify(() => look(pending, parts));
    if (verdict.kind === 'stored') {
      counters.repairs += token === null ? 0 : 1;
      return;
    }
    seen = verdict.kind === 'absent' ? 'nothing of it is there' : verdict.detail;
    // A second token would double whatever is there.
    if (token !== null && verdict.kind === 'different') {
      break;
    }
  }
  throw notStored(pending, { seen, now: parts.now() });
}

function notStored(pending: PendingBatch, { seen, now }: { seen: string; now: number }): Error {
  const { token } = pending.intent;
  pending.differentSince ??= now;
  return now - pending.differentSince < DIFFERENCE_MS_MAX
    ? new AggregatorError('not_verified', `${token} differs, or a block beside it does: ${seen}`)
    : stopped(`the block of ${token} is not stored whole and once, and cannot be completed: ${seen}`);
}

/**
 * Whether nothing of a block is stored after ClickHouse has refused it: then its range may be stored under other bounds.
 * Throws `StoreError`, and AggregatorError `not_verified`.
 */
export async function isAbsent(pending: PendingBatch, parts: EnsureStoredParts): Promise<boolean> {
  parts.counters.verifications += 1;
  const { kind } = await parts.gate.verify(() => look(pending, parts));
  return kind === 'absent';
}

/** A ClickHouse that was restored from an older backup meanwhile has lost more than this block. */
async function requireLedger({ range, intent }: PendingBatch, { store }: EnsureStoredParts): Promise<void> {
  const position = (await readLastLedgerRange(store, range))?.nextOffset ?? 0;
  if (position !== range.firstOffset && position !== range.nextOffset) {
    throw stopped(
      `the ledger's position is ${position} where ${intent.token} was to be stored: ClickHouse was restored or emptied`,
    );
  }
}

async function look(pending: PendingBatch, parts: EnsureStoredParts): Promise<Verdict> {
  const { sleep = sleepFor } = parts;
  let verdict = await lookOnce(pending, parts);
  let same = 1;
  for (let looks = 1; verdict.kind !== 'stored' && same < SAME_LOOKS; looks++) {
    if (looks === LOOKS_MAX) {
      throw new AggregatorError('not_verified', `${pending.intent.token} cannot be verified under this load`);
    }
    await sleep(LOOK_PAUSE_MS);
    const next = await lookOnce(pending, parts);
    same = JSON.stringify(next) === JSON.stringify(verdict) ? same + 1 : 1;
    verdict = next;
  }
  return verdict;
}

async function lookOnce({ range, batch }: PendingBatch, { store }: EnsureStoredParts): Promise<Verdict> {
  const { stream, kafkaPartition, firstOffset, nextOffset } = range;
  const place: BlockPlace = { stream, kafkaPartition, firstOffset, nextOffset, scope: batch.facts.scope() };
  const wanted = rawBlockRowCount(batch.block);
  const { rows, offsets } = await countStoredRows(store, place);
  const differences = await compareRollups(store, place.scope);
  if (differences.length === 0 && (rows === 0 || (rows === wanted && offsets === wanted))) {
    return rows === 0 ? { kind: 'absent' } : { kind: 'stored' };
  }
  return { kind: 'different', detail: describe({ rows, wanted, differences }) };
}

function describe({
  rows,
  wanted,
  differences,
}: {
  rows: number;
  wanted: number;
  differences: readonly RollupDifference[];
}): string {
  const rollups = differences.map(({ rollup, missing }) => {
    const columns = Object.entries(missing).map(([column, sum]) => `${column} ${sum}`);
    return `${rollup} lacks ${columns.join(', ')}`;
  });
  return [`raw has ${rows} of ${wanted} rows`, ...rollups].join('; ');
}
