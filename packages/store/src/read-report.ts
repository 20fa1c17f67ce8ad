import { parseAmount } from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readRows, toCount } from './read.ts';
import { type AmountMeasure, type CountMeasure, MEASURES } from './report-measures.ts';
import { planReport } from './report-plan.ts';
import type { ReportField, ReportQuestion } from './report-question.ts';

/**
 * One row of a report. Counts are whole numbers, amounts picodollars: sums over what is known. `unpricedCount` says
 * of how many lines an amount is not known, and `margin` leaves exactly those out whose charge or cost is unknown:
 * it is not always `charge − totalCost`.
 */
export interface ReportRow
  extends Readonly<Record<CountMeasure, number>>,
    Readonly<Record<AmountMeasure, bigint>> {
  /** The fields that were asked for: `{ day: '2026-01-31', model: 'openai/gpt-5' }`; hours as `2026-01-31T05`. */
  readonly group: Readonly<Partial<Record<ReportField, string>>>;
}

export interface ReportAnswer {
  readonly rows: readonly ReportRow[];
  /** The last row is `(other)`: the sum of all groups that the limit left out. */
  readonly truncated: boolean;
}

/** Name of every field of the row that sums what the limit left out. */
export const OTHER_GROUP = '(other)';
/** For sums over a rollup one thread is as fast as two, and leaves the rest to others. */
const ROLLUP_THREADS = 1;

/** Answers a question. The sums of all rows are the sums of all groups, however few rows were asked for. */
export async function readReport(client: StoreClient, question: ReportQuestion): Promise<ReportAnswer> {
  const { sql, params, tables, fields } = planReport(question);
  const threadsMax = tables.includes(RAW_TABLE.name) ? null : ROLLUP_THREADS;
  const { rows, totals } = await readRows({ client, sql, params, threadsMax });
  if (rows.length <= question.limit || totals === null) {
    return { rows: rows.map((row) => toReportRow(fields, row, sumsOf(row, fields))), truncated: false };
  }
  const kept = rows.slice(0, question.limit - 1).map((row) => toReportRow(fields, row, sumsOf(row, fields)));
  const rest = [...sumsOf(totals, fields)];
  for (const row of rows.slice(0, question.limit - 1)) {
    for (const [i, sum] of sumsOf(row, fields).entries()) rest[i] = (rest[i] ?? 0n) - sum;
  }
  const other = toReportRow(
    fields,
    fields.map(() => OTHER_GROUP),
    rest,
  );
  return { rows: [...kept, other], truncated: true };
}

/** The measures of a row as integers, in the order of `MEASURES`. */
function sumsOf(row: readonly unknown[], fields: readonly ReportField[]): readonly bigint[] {
  return MEASURES.map(({ kind }, i) => {
    const text = String(row[fields.length + i]);
    return kind === 'amount' ? parseAmount(text) : BigInt(text);
  });
}

function toReportRow(
  fields: readonly ReportField[],
  row: readonly unknown[],
  sums: readonly bigint[],
): ReportRow {
  const group = fields.map((field, i) => [field, toFieldText(field, String(row[i]))]);
  const measures = MEASURES.map(({ kind, name }, i) => [
    name,
    kind === 'amount' ? sums[i] : toCount(sums[i]),
  ]);
  // The two lists hold every key of a row, which the type system cannot see through fromEntries.
  return { group: Object.fromEntries(group), ...Object.fromEntries(measures) } as ReportRow;
}

/** ClickHouse writes an hour as `2026-01-31 05:00:00`. */
function toFieldText(field: ReportField, text: string): string {
  return field === 'hour' && text !== OTHER_GROUP ? text.slice(0, 13).replace(' ', 'T') : text;
}
