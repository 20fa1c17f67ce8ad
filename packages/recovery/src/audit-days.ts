import { ROLLUPS, type StoreClient } from '@meterstone/store';

const DAY_MS = 86_400_000;

/** Whole days of UTC, epoch milliseconds of their start, on which raw or any rollup has a row; rising. */
export async function readAuditDays(store: StoreClient): Promise<number[]> {
  const parts = [
    'SELECT DISTINCT toDate(occurred_at) AS day FROM raw_events',
    ...ROLLUPS.map(({ name }) => `SELECT DISTINCT toDate(period_start) AS day FROM ${name}`),
  ];
  const answer = await store.query({
    query: `SELECT DISTINCT toUInt32(day) FROM (${parts.join(' UNION ALL ')}) ORDER BY 1`,
    format: 'JSONCompact',
  });
  const { data } = await answer.json<[number]>();
  return data.map(([day]) => Number(day) * DAY_MS);
}

/** The day as `2026-01-31`. */
export function dayText(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

/** The day's end, which is not part of it. */
export function dayEnd(day: number): number {
  return day + DAY_MS;
}
