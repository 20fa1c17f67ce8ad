import { type LogBounds, readLogBounds } from '@meterstone/kafka';
import { readLedgerPositions, readLedgerRanges, readStreams, type StoreClient } from '@meterstone/store';
import { type AuditMemory, createAuditMemory, placeKey } from './audit-memory.ts';
import { countRaw, type RawCount } from './count-raw.ts';
import { type GroupOptions, readGroupState } from './group-state.ts';
import { createTilingCheck, type TilingFault } from './tiling.ts';

/** What the ledger, raw and Kafka say of one Kafka partition of one stream. */
export interface PartitionAudit {
  readonly stream: number;
  readonly kafkaPartition: number;
  /** First offset behind the last stored range. */
  readonly position: number;
  /** Rows that the ledger says are stored, and rows of raw below its position. */
  readonly storedByLedger: number;
  readonly storedInRaw: number;
  /** Rows of raw at or beyond the ledger's position: a range that is being stored, or was stored in part. */
  readonly beyondLedger: number;
  readonly faults: readonly PartitionFault[];
}

/**
 * What is wrong with a Kafka partition. Besides the faults of tiling: `count_differs`: raw has more or fewer rows than the
 * ledger. `kafka_ahead`: Kafka's committed position is beyond the ledger's. `log_ends_before`, `log_starts_after`: the log
 * no longer, or not yet, holds the ledger's position.
 */
export interface PartitionFault {
  readonly kind:
    | TilingFault['kind']
    | 'count_differs'
    | 'kafka_ahead'
    | 'log_ends_before'
    | 'log_starts_after';
  /** For a person, with the numbers. */
  readonly detail: string;
}

export interface AuditLedgerOptions extends GroupOptions {
  readonly store: StoreClient;
  readonly onProgress?: (line: string) => void;
  /** Threads of ClickHouse for one look. @default what the user's profile allows */
  readonly threadsMax?: number;
  /** What is known of earlier audits, and noted for later ones. @default nothing: everything is looked at */
  readonly memory?: AuditMemory;
  /** Rows of raw that one query reads. @default 10,000,000 */
  readonly sliceRowsMax?: number;
}

/** Offsets whose ranges are read at a time: no query answers with more ranges than these. */
const STRETCH_OFFSETS = 1_000_000;

/**
 * Holds the ledger against raw and against Kafka, for every Kafka partition of every stream of the topic. Under load a
 * range may be stored between two of its looks, so rows beyond the ledger are told and are no fault. Raw is read in
 * slices, once for all Kafka partitions; what the memory has is not read again, ranges of the ledger before the position
 * that it has for a Kafka partition included.
 */
export async function auditLedger(options: AuditLedgerOptions): Promise<PartitionAudit[]> {
  const { kafka, store, topic, onProgress, memory = createAuditMemory() } = options;
  const streams = await readStreams(store, topic);
  const current = streams.at(-1)?.stream ?? null;
  const group = await readGroupState(options);
  const all: PartitionFacts[] = [];
  for (const { stream } of streams) {
    const positions = await readLedgerPositions(store, stream);
    // Bounds after positions: what is stored meanwhile only moves the log's end on.
    const bounds = stream === current ? await readLogBounds(kafka, topic) : new Map<number, LogBounds>();
    for (const [kafkaPartition, position] of [...positions].sort(([a], [b]) => a - b)) {
      const committed = stream === current ? (group.positions.get(kafkaPartition)?.nextOffset ?? null) : null;
      const log = bounds.get(kafkaPartition) ?? null;
      all.push({ stream, kafkaPartition, position, committed, log });
    }
  }
  const counts = await countRaw({ ...options, memory }, all);
  const audits: PartitionAudit[] = [];
  for (const facts of all) {
    const { stream, kafkaPartition, position } = facts;
    onProgress?.(`ledger: stream ${stream}, Kafka partition ${kafkaPartition}, ${position} offsets`);
    const raw = counts.get(placeKey(stream, kafkaPartition)) ?? { below: 0, beyond: 0 };
    audits.push(await auditPartition({ ...options, memory }, facts, raw));
  }
  return audits;
}

interface PartitionFacts {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly position: number;
  /** `null` = not known, or of a stream that is over. */
  readonly committed: number | null;
  readonly log: LogBounds | null;
}

async function auditPartition(
  { store, memory }: { readonly store: StoreClient; readonly memory: AuditMemory },
  facts: PartitionFacts,
  raw: RawCount,
): Promise<PartitionAudit> {
  const { stream, kafkaPartition, position } = facts;
  const key = placeKey(stream, kafkaPartition);
  const known = memory.tiled.get(key);
  // A ledger that has gone back is another one.
  const check = createTilingCheck((known?.position ?? 0) > position ? undefined : known);
  const faults: PartitionFault[] = [];
  for (let from = check.position ?? 0; from < position; from += STRETCH_OFFSETS) {
    const to = Math.min(from + STRETCH_OFFSETS, position);
    const ranges = await readLedgerRanges(store, { stream, kafkaPartition, from, to });
    // A range that begins in an earlier stretch came with it.
    const fresh = ranges.filter(({ firstOffset }) => firstOffset >= from && firstOffset < to);
    faults.push(...check.add(fresh).map(toPartitionFault));
  }
  if (raw.below !== check.stored) {
    const detail = `the ledger says ${check.stored} rows, raw has ${raw.below}`;
    faults.push({ kind: 'count_differs', detail });
  }
  // After a fault, all of it is looked at until it is gone.
  if (faults.length > 0) memory.tiled.delete(key);
  else memory.tiled.set(key, { position: check.position, stored: check.stored });
  return {
    stream,
    kafkaPartition,
    position,
    storedByLedger: check.stored,
    storedInRaw: raw.below,
    beyondLedger: raw.beyond,
    faults: [...faults, ...positionFaults(facts)],
  };
}

function toPartitionFault({ kind, from, to }: TilingFault): PartitionFault {
  return { kind, detail: `offsets ${from} to ${to}` };
}

/** What cannot be true of a ledger's position. */
export function positionFaults({
  position,
  committed,
  log,
}: Pick<PartitionFacts, 'position' | 'committed' | 'log'>): PartitionFault[] {
  const faults: PartitionFault[] = [];
  const say = (kind: PartitionFault['kind'], detail: string) => faults.push({ kind, detail });
  if (committed !== null && committed > position) {
    say('kafka_ahead', `Kafka's committed position is ${committed}, the ledger's ${position}`);
  }
  if (log !== null && log.end < position) {
    say('log_ends_before', `the log ends at ${log.end}, the ledger at ${position}`);
  }
  if (log !== null && log.start > position) {
    say('log_starts_after', `the log starts at ${log.start}, the ledger ends at ${position}`);
  }
  return faults;
}
