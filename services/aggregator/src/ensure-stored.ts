import { setTimeout as sleepFor } from 'node:timers/promises';
import {
  type BlockPlace,
  compareRollups,
  countStoredRows,
  insertRawBlock,
  noteTagSets,
  type RollupDifference,
  rawBlockRowCount,
  readLastLedgerRange,
  type StoreClient,
} from '@meterstone/store';
import { completeRollups } from './complete-rollups.ts';
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

/** What raw and rollups say of a block. `absent`: raw lacks all of it, and no rollup has any of it. */
type Verdict =
  | { readonly kind: 'stored' }
  | {
      readonly kind: 'absent' | 'different';
      /** How much of it raw has. */
      readonly raw: 'none' | 'whole' | 'other';
      readonly detail: string;
    };

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
 * What is missing is sent again under the same token, which completes a half-stored block. If raw lacks all of it
 * although its token is known there, it is stored under a token derived from that; what a rollup lacks of it, or then has
 * twice, is added to that rollup alone. A difference that is left may be another block's: AggregatorError `not_verified`,
 * try again, for `DIFFERENCE_MS_MAX`; then it is left for repair at rest and the Kafka partition stops with KafkaError
 * `partition_stopped`. `not_verified` too where too much was inserted meanwhile. Otherwise throws `StoreError`.
 */
export async function ensureStored(pending: PendingBatch, parts: EnsureStoredParts): Promise<void> {
  const { counters, gate, store } = parts;
  const { batch, intent } = pending;
  await requireLedger(pending, parts);
  if (rawBlockRowCount(batch.block) === 0) {
    return;
  }
  let seen = '';
  for (const token of [null, intent.token, `${intent.token}-again`]) {
    if (token !== null) {
      await gate.insert(() => insertRawBlock({ client: store, block: batch.block, token }));
    }
    const verdict = token === null ? await verify(pending, parts) : await verifyCompleted(pending, parts);
    if (verdict.kind === 'stored') {
      counters.repairs += token === null ? 0 : 1;
      await noteTagSets(store, placeOf(pending));
      return;
    }
    seen = verdict.detail;
    // A second token would double what raw has.
    if (token !== null && verdict.raw !== 'none') {
      break;
    }
  }
  throw notStored(pending, { seen, now: parts.now() });
}

async function verify(pending: PendingBatch, parts: EnsureStoredParts): Promise<Verdict> {
  parts.counters.verifications += 1;
  return parts.gate.verify(() => look(pending, parts));
}

/** After the block was sent again: what a rollup lacks of it now, it has lost together with what the token stood for. */
async function verifyCompleted(pending: PendingBatch, parts: EnsureStoredParts): Promise<Verdict> {
  const verdict = await verify(pending, parts);
  if (verdict.kind === 'stored' || verdict.raw !== 'whole') {
    return verdict;
  }
  const { store, gate } = parts;
  const { token } = pending.intent;
  const isExplained = await gate.verify(() => completeRollups({ store, place: placeOf(pending), token }));
  return isExplained ? verify(pending, parts) : verdict;
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
  return (await verify(pending, parts)).kind === 'absent';
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

async function lookOnce(pending: PendingBatch, { store }: EnsureStoredParts): Promise<Verdict> {
  const place = placeOf(pending);
  const wanted = rawBlockRowCount(pending.batch.block);
  const { rows, offsets } = await countStoredRows(store, place);
  const differences = await compareRollups(store, place.scope);
  const isWhole = rows === wanted && offsets === wanted;
  if (differences.length === 0 && isWhole) {
    return { kind: 'stored' };
  }
  const raw = rows === 0 ? 'none' : isWhole ? 'whole' : 'other';
  const kind = differences.length === 0 && rows === 0 ? 'absent' : 'different';
  return { kind, raw, detail: describe({ rows, wanted, differences }) };
}

function placeOf({ range, batch }: PendingBatch): BlockPlace {
  const { stream, kafkaPartition, firstOffset, nextOffset } = range;
  return { stream, kafkaPartition, firstOffset, nextOffset, scope: batch.facts.scope() };
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
