import type { Reading } from '@meterstone/runtime';
import type { AuditFindings } from './run-audit.ts';

/** What the audits of this process have shown; empty as long as it has made none. */
export interface AuditRecord {
  /** When the last audit ended that came to its end, epoch milliseconds; `null` = none has. */
  lastAt: number | null;
  lastMs: number;
  findings: AuditFindings | null;
  /** Audits that came to their end, and those that Kafka or ClickHouse did not let. */
  completed: number;
  failed: number;
}

export function createAuditRecord(): AuditRecord {
  return { lastAt: null, lastMs: 0, findings: null, completed: 0, failed: 0 };
}

const PREFIX = 'meterstone_aggregator_audit_';

/** The record as metrics. Of several aggregators one audits; the others show no findings. */
export function auditReadings(record: AuditRecord): Reading[] {
  const gauge = (name: string, help: string, read: () => number): Reading => ({
    name: `${PREFIX}${name}`,
    help,
    kind: 'gauge',
    read: () => (record.lastAt === null ? [] : read()),
  });
  const counts = (name: string, label: string, help: string, found: () => Counts | undefined): Reading => ({
    name: `${PREFIX}${name}`,
    help,
    kind: 'gauge',
    labels: [label],
    read: () => [...(found() ?? [])].map(([value, count]) => ({ labels: { [label]: value }, value: count })),
  });
  return [
    gauge('last_run_timestamp_seconds', 'When the last audit ended', () => (record.lastAt ?? 0) / 1_000),
    gauge('duration_seconds', 'How long the last audit took', () => record.lastMs / 1_000),
    gauge('findings', 'Faults of the ledger and sums of rollups that differ, at the last audit', () =>
      [record.findings?.ledgerFaults, record.findings?.differences]
        .flatMap((found) => [...(found?.values() ?? [])])
        .reduce((sum, count) => sum + count, 0),
    ),
    counts(
      'differences',
      'table',
      "Sums of a rollup that are not raw's, at the last audit",
      () => record.findings?.differences,
    ),
    counts(
      'ledger_faults',
      'kind',
      'Where the ledger does not tile the log or does not count raw, at the last audit',
      () => record.findings?.ledgerFaults,
    ),
    {
      name: `${PREFIX}runs_total`,
      help: 'Audits by result',
      kind: 'counter',
      labels: ['result'],
      read: () => [
        { labels: { result: 'completed' }, value: record.completed },
        { labels: { result: 'failed' }, value: record.failed },
      ],
    },
  ];
}

type Counts = ReadonlyMap<string, number>;
