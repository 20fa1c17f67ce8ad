import { setTimeout as sleep } from 'node:timers/promises';
import type { Pipeline } from './pipeline.ts';

export type ReportRow = Record<string, string | number>;

/** A range that holds today and its neighbours, so that a test may run over midnight. */
export function aroundToday(): { start_date: string; end_date: string } {
  const day = 86_400_000;
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return { start_date: text(Date.now() - day), end_date: text(Date.now() + day) };
}

/** `GET /v1/report` around today. */
export async function report(
  pipeline: Pipeline,
  query: Record<string, string>,
  key = pipeline.key.report,
): Promise<ReportRow[]> {
  const parameters = new URLSearchParams({ ...aroundToday(), ...query });
  const response = await fetch(`${pipeline.reportingUrl}/v1/report?${parameters}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`report answered ${response.status}: ${text}`);
  return JSON.parse(text).results;
}

/** Waits until the report counts `attempts` attempts in all, and a moment more so that one too many is seen. */
export async function waitForAttempts(
  pipeline: Pipeline,
  attempts: number,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  let seen = -1;
  while (Date.now() < deadline) {
    const rows = await report(pipeline, { group_by: 'provider' });
    seen = rows.reduce((sum, row) => sum + Number(row['attempts']), 0);
    if (seen >= attempts) break;
    await sleep(100);
  }
  if (seen !== attempts) throw new Error(`expected ${attempts} attempts, the report has ${seen}`);
}
