import type { StoredRow } from './stored-rows.ts';
import { AMOUNTS, addToSums, type Expected, expectedKey, SUM_NAMES, type Sums } from './truth.ts';

/**
 * What is wrong with what is stored. `lost`: no row. `doubled`: several rows of one identity. `unexpected`: a row that
 * nobody sent. `needless_orphan`: an orphan of a request that no kill of a proxy interrupted. `wrong_value`: a row that says
 * something else. `wrong_sum`: a sum of raw is not the truth's. `rollup_drift`: a sum of a rollup is not raw's.
 * `wrong_letters`: dead letters are not the poison that was sent. `ledger_fault`: the ledger's ranges do not tile the log, or
 * do not count raw's rows. `refused`: a running proxy answered a request with a fault. `stuck`: the pipeline did not come to rest.
 */
export type FindingKind =
  | 'lost'
  | 'doubled'
  | 'unexpected'
  | 'needless_orphan'
  | 'wrong_value'
  | 'wrong_sum'
  | 'rollup_drift'
  | 'wrong_letters'
  | 'ledger_fault'
  | 'refused'
  | 'stuck';

/** One fault found, with enough to look it up. */
export interface Finding {
  readonly kind: FindingKind;
  /** An operation, or a table with org and column. */
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

/** What is expected of one stretch of load. */
export interface Truth {
  /** By `expectedKey`: what a provider saw answered and what was sent straight to Kafka. */
  readonly expected: ReadonlyMap<string, Expected>;
  /** Operations that a kill of the proxy interrupted: each may be an orphan, seen by its provider or not. */
  readonly interrupted: ReadonlySet<string>;
}

/** What the rows of one stretch of load turned out to be. */
export interface RowsReport {
  readonly findings: readonly Finding[];
  /** What is stored as it should be: part of the sums from now on. */
  readonly matched: readonly Expected[];
  /** Orphans of attempts that a provider saw. */
  readonly orphansSeen: number;
  /** Orphans of attempts that no provider saw. */
  readonly orphansUnseen: number;
}

/** Holds rows against the truth, one by one. */
export function compareRows(truth: Truth, rows: readonly StoredRow[]): RowsReport {
  const byKey = Map.groupBy(rows, (row) => expectedKey(row));
  const findings: Finding[] = [];
  const matched: Expected[] = [];
  const counts = { orphansSeen: 0, orphansUnseen: 0 };
  for (const [key, found] of byKey) {
    if (found.length > 1) findings.push(finding('doubled', key, '1 row', `${found.length} rows`));
    const isOrphan = found[0]?.isOrphan === true;
    if (isOrphan && !truth.interrupted.has(found[0]?.operationId ?? '')) {
      findings.push(finding('needless_orphan', key, 'no orphan', 'an orphan'));
    } else if (isOrphan && !truth.expected.has(key)) counts.orphansUnseen += 1;
    else if (!truth.expected.has(key)) findings.push(finding('unexpected', key, 'no row', 'a row'));
  }
  for (const [key, expected] of truth.expected) {
    const row = byKey.get(key)?.[0];
    if (row?.isOrphan === true) counts.orphansSeen += 1;
    else if (row !== undefined) {
      matched.push(expected);
      findings.push(...differences(expected, row));
    } else findings.push(finding('lost', key, '1 row', 'no row'));
  }
  return { findings, matched, ...counts };
}

/** Holds the sums of raw, orphans left out, against the truth's. */
export function compareSums(truth: Sums, stored: Sums): Finding[] {
  const findings: Finding[] = [];
  for (const orgId of new Set([...truth.keys(), ...stored.keys()])) {
    for (const [index, name] of SUM_NAMES.entries()) {
      const expected = truth.get(orgId)?.[index] ?? 0n;
      const found = stored.get(orgId)?.[index] ?? 0n;
      if (expected !== found) {
        findings.push(finding('wrong_sum', `raw_events ${orgId} ${name}`, String(expected), String(found)));
      }
    }
  }
  return findings;
}

/** The sums of a list. */
export function sumsOf(list: Iterable<Expected>): Sums {
  const sums: Sums = new Map();
  for (const expected of list) addToSums(sums, expected);
  return sums;
}

export function finding(kind: FindingKind, where: string, expected: string, found: string): Finding {
  return { kind, where, expected, found };
}

function differences(expected: Expected, row: StoredRow): Finding[] {
  const key = expectedKey(expected);
  const say = (name: string, wanted: unknown, found: unknown) =>
    wanted === found ? [] : [finding('wrong_value', `${key} ${name}`, String(wanted), String(found))];
  return [
    ...say('org_id', expected.orgId, row.orgId),
    ...(expected.eventId === null ? [] : say('event_id', expected.eventId, row.eventId)),
    ...say('tokens', expected.tokens.join(), row.tokens.join()),
    ...AMOUNTS.flatMap((name, index) => say(name, expected.amounts[index], row.amounts[index])),
  ];
}
