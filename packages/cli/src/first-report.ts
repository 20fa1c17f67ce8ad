import { setTimeout as sleep } from 'node:timers/promises';
import { SCENARIO } from '@meterstone/demo';
import { type ReportDoor, readReport } from './four-questions.ts';

const POLL_MS = 100;
const CATCH_UP_MS_MAX = 10_000;
const REPORT_MS_MAX = 60_000;

/**
 * Waits until the aggregator has stored what an earlier run had left on Kafka: after that, what is added to the
 * report is of this run. After 10 s it goes on all the same; then a first report may hold some of both.
 */
export async function waitForCaughtUp(
  metricsUrl: string,
  kafkaPartitions: number,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < CATCH_UP_MS_MAX; waitedMs += POLL_MS) {
    const metrics = await fetch(metricsUrl, { signal }).then(
      (response) => response.text(),
      () => '',
    );
    const lags = readLags(metrics);
    if (lags.length >= kafkaPartitions && lags.every((lag) => lag === 0)) return;
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** The lag of each Kafka partition whose lag the aggregator knows, in records. */
export function readLags(metrics: string): number[] {
  const lines = metrics.matchAll(/^meterstone_aggregator_lag_records\{[^}]*\} (\d+)$/gm);
  return Array.from(lines, ([, lag]) => Number(lag));
}

/** Attempts in the report; 0 too while there is no answer. */
export async function countAttempts(door: ReportDoor): Promise<number> {
  const rows = await readReport(door, 'provider').catch(() => []);
  return rows.reduce((sum, row) => sum + Number(row['attempts']), 0);
}

/**
 * Resolves when all calls of the demo's scenario have come on top of the `before` attempts that the report had.
 * `door` is asked for each time: its last day moves on at midnight.
 */
export async function waitForScenario(
  door: () => ReportDoor,
  before: number,
  signal: AbortSignal,
): Promise<void> {
  let seen = 0;
  for (let waitedMs = 0; waitedMs < REPORT_MS_MAX; waitedMs += POLL_MS) {
    seen = (await countAttempts(door())) - before;
    if (seen >= SCENARIO.length) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error(
    `the report shows ${seen} of the demo's ${SCENARIO.length} calls after ${REPORT_MS_MAX / 1000} s`,
  );
}
