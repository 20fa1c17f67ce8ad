import {
  type AuditLedgerOptions,
  type AuditMemory,
  auditLedger,
  auditRollups,
  type RollupFault,
} from '@meterstone/recovery';

/** What one audit found. */
export interface AuditFindings {
  /** Faults of the ledger, by kind. */
  readonly ledgerFaults: ReadonlyMap<string, number>;
  /** Sums of a rollup that are not raw's, by rollup; every one is a day, an org and a column. */
  readonly differences: ReadonlyMap<string, number>;
  /** For a person: the first ones of each. */
  readonly details: readonly string[];
}

export interface RunAuditOptions
  extends Pick<AuditLedgerOptions, 'kafka' | 'groupId' | 'topic' | 'store' | 'onProgress'> {
  /** What earlier audits found in order, which is not read again as long as no part of it changes. */
  readonly memory: AuditMemory;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** A day is closed when it has been over for so long: what was in flight at midnight is stored. */
const CLOSED_AFTER_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** An audit is in no hurry, and shares the server with inserts. */
const THREADS = 1;
const DETAILS_MAX = 10;

/**
 * Holds the ledger against Kafka and raw, and the rollups of closed days against raw. Throws KafkaError `read_failed`
 * and what the store's client throws; it changes nothing but the memory.
 */
export async function runAudit({ now, ...options }: RunAuditOptions): Promise<AuditFindings> {
  const partitions = await auditLedger({ ...options, threadsMax: THREADS });
  const drifts = await auditRollups({
    ...options,
    threadsMax: THREADS,
    isWanted: (day) => isClosed(day, now),
  });
  const faults = partitions.flatMap(({ stream, kafkaPartition, faults: found }) =>
    found.map((fault) => ({ ...fault, place: `stream ${stream}, Kafka partition ${kafkaPartition}` })),
  );
  return {
    ledgerFaults: countBy(faults.map(({ kind }) => kind)),
    differences: countBy(drifts.map(({ rollup }) => rollup)),
    details: [
      ...faults.slice(0, DETAILS_MAX).map(({ kind, detail, place }) => `${place}: ${kind}, ${detail}`),
      ...drifts.slice(0, DETAILS_MAX).map(driftText),
    ],
  };
}

/** `day`: its start, epoch milliseconds. */
export function isClosed(day: number, now: number): boolean {
  return day + DAY_MS + CLOSED_AFTER_MS <= now;
}

function driftText({ rollup, day, orgId, column, missing }: RollupFault): string {
  return `${rollup} on ${day}, org ${orgId}: ${column} lacks ${missing}`;
}

function countBy(names: readonly string[]): Map<string, number> {
  const groups = Map.groupBy(names, (name) => name);
  return new Map([...groups].map(([name, all]) => [name, all.length]));
}
