import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOptions } from '../bench.ts';
import { readInsertLog } from '../live/insert-log.ts';
import { DATABASE, type LivePipeline, startLivePipeline } from '../live/live-pipeline.ts';
import { loadFault } from '../live/load-fault.ts';
import { quantile } from '../quantile.ts';
import type { Result } from '../result-file.ts';

/** Shares of what the pipeline carries by itself. */
const LEVELS = [0.1, 0.5, 0.9];
const OUTAGE_LEVEL = 0.5;
const FULL = { warmUp: 5, level: 60, outage: 30, rateEvents: 300_000, patience: 60 };
const SHORT = { warmUp: 1, level: 4, outage: 4, rateEvents: 30_000, patience: 20 };
const CANARIES_PER_SECOND = 12;
const REPORT_EVERY_MS = 20;
const LOOK_MS = 100;
/** After an outage all is as before when no more waits on Kafka than before, or than the load of so many seconds. */
const RECOVERED_LAG_SECONDS = 1;

type Times = Readonly<Record<keyof typeof FULL, number>>;

/**
 * From the end of an answer to the report that shows it, under a load that goes straight to Kafka; and how long it takes
 * to catch up after ClickHouse was away.
 */
export const freshnessBench: Bench = async (bench) => {
  const times = bench.short ? SHORT : FULL;
  const live = await startLivePipeline(bench, {
    canaryRate: CANARIES_PER_SECOND,
    reportEveryMs: REPORT_EVERY_MS,
    rateEvents: bench.events ?? times.rateEvents,
  });
  const results: Result[] = [{ metric: 'pipeline_rate', value: live.rate, unit: 'events/s' }];
  const withheld: string[] = [];
  for (const level of LEVELS) {
    const seen = await measureLevel(bench, { live, times, level });
    results.push(...seen.results);
    withheld.push(...seen.withheld);
  }
  const recovery = await measureRecovery(bench, { live, times, level: OUTAGE_LEVEL });
  results.push(...recovery.results);
  withheld.push(...recovery.withheld);
  const { events } = await live.finish();
  bench.say(`${events} events are stored, sums are right`);
  return { results, withheld };
};

interface Level {
  readonly live: LivePipeline;
  readonly times: Times;
  readonly level: number;
}

interface Seen {
  readonly results: Result[];
  readonly withheld: string[];
}

async function measureLevel(bench: BenchOptions, { live, times, level }: Level): Promise<Seen> {
  const name = `freshness_${Math.round(level * 100)}`;
  const asked = live.rate * level;
  await live.startLoad(asked);
  await sleep(times.warmUp * 1000);
  live.canaries.takeReportTimes();
  live.canaries.resume();
  const from = Date.now();
  await sleep(times.level * 1000);
  const inserts = await readInsertLog(live.clickhouse, { database: DATABASE, from });
  await live.canaries.pause();
  // Those that were answered last have to show under the same load.
  await untilSeen(live, times.patience);
  const lag = await live.progress.lag();
  const load = await live.stopLoad();
  const unseen = live.book.unseen;
  await live.untilStored();
  await untilSeen(live, times.patience);
  const delays = live.book.take();
  const p50 = quantile(delays, 0.5);
  const p99 = quantile(delays, 0.99);
  const fact = `${delays.length} requests, p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms, ${lag} records wait at the end`;
  bench.say(`${name}: ${Math.round(load.events / load.seconds)} events/s, ${fact}`);
  const context: Result[] = [
    { metric: `${name}_load`, value: load.events / load.seconds, unit: 'events/s', baseline: asked },
    { metric: `${name}_lag`, value: lag, unit: 'records, at the end' },
    { metric: `${name}_inserts`, value: inserts.inserts / times.level, unit: 'inserts/s into raw' },
    { metric: `${name}_insert_rows`, value: inserts.rows, unit: 'rows an insert' },
    { metric: `${name}_insert_ms`, value: inserts.ms, unit: 'ms an insert' },
    {
      metric: `${name}_report_p50_ms`,
      value: quantile(live.canaries.takeReportTimes(), 0.5),
      unit: 'ms, one report',
    },
  ];
  const fault =
    unseen > 0 ? `${unseen} requests were not to be seen within ${times.patience} s` : loadFault(load, asked);
  if (fault !== null) return { results: context, withheld: [`${name}: ${fault}`] };
  const unit = 'ms, answered → in a report';
  return {
    results: [
      { metric: `${name}_p50_ms`, value: p50, unit, rounds: delays.length },
      { metric: `${name}_p99_ms`, value: p99, unit, rounds: delays.length },
      ...context,
    ],
    withheld: [],
  };
}

async function peakLag({ progress }: LivePipeline, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let peak = 0;
  while (performance.now() < end) {
    peak = Math.max(peak, await progress.lag());
    await sleep(LOOK_MS);
  }
  return peak;
}

async function untilSeen({ book }: LivePipeline, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (book.unseen > 0 && performance.now() < end) await sleep(LOOK_MS);
}

/** Stops ClickHouse under load, starts it again, and waits until no more than usual waits on Kafka. */
async function measureRecovery(bench: BenchOptions, { live, times, level }: Level): Promise<Seen> {
  const asked = live.rate * level;
  const [server] = live.stack.stack.clickhouse;
  await live.startLoad(asked);
  await sleep(times.warmUp * 1000);
  const lagMax = Math.max(asked * RECOVERED_LAG_SECONDS, await peakLag(live, times.warmUp));
  await server?.stop();
  const stoppedAt = performance.now();
  await sleep(times.outage * 1000);
  await server?.start();
  const awaySeconds = (performance.now() - stoppedAt) / 1000;
  const backAt = performance.now();
  const owed = await live.progress.lag();
  const patienceMs = (times.outage * 10 + times.patience) * 1000;
  let seconds: number | null = null;
  while (seconds === null && performance.now() - backAt < patienceMs) {
    await sleep(LOOK_MS);
    const lag = await live.progress.lag();
    if (lag <= lagMax) seconds = (performance.now() - backAt) / 1000;
  }
  const load = await live.stopLoad();
  await live.untilStored();
  const fault =
    seconds === null ? `it did not catch up within ${patienceMs / 1000} s` : loadFault(load, asked);
  const results: Result[] = [
    { metric: 'outage_s', value: awaySeconds, unit: 's without ClickHouse' },
    { metric: 'outage_lag', value: owed, unit: 'records owed; baseline: before', baseline: lagMax },
  ];
  bench.say(
    `ClickHouse was away ${Math.round(awaySeconds)} s; caught up ${seconds?.toFixed(1) ?? 'never'} s after`,
  );
  if (fault !== null || seconds === null) return { results, withheld: [`recovery_s: ${fault}`] };
  const unit = 's, ClickHouse answers → no more waits than before';
  return { results: [{ metric: 'recovery_s', value: seconds, unit }, ...results], withheld: [] };
}
