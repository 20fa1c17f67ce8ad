import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchOutcome } from '../bench.ts';
import { DATABASE, type LivePipeline, startLivePipeline } from '../live/live-pipeline.ts';
import { loadFault } from '../live/load-fault.ts';
import { memoryCopyGigabytes } from '../memory-speed.ts';
import { readPartCounts } from '../pipeline/part-counts.ts';
import { quantile } from '../quantile.ts';
import { measured, type Result } from '../result-file.ts';
import { summarize } from '../rounds.ts';
import { judgeFlatness } from './flatness.ts';
import { idsLookedUp } from './ids-looked-up.ts';
import { residentBytes } from './process-memory.ts';

/** Share of what the pipeline carries by itself. */
const LEVEL = 0.5;
const MINUTES = 60;
const SHORT_SECONDS = 12;
const RATE_EVENTS = { full: 300_000, short: 30_000 };
const SAMPLE_MS = { full: 5_000, short: 250 };
const CANARIES_PER_SECOND = 10;
const REPORT_EVERY_MS = 500;
const MEGABYTE = 1_048_576;
/** Memory may be a tenth more at the end, and a heap's next step. */
const MEMORY = { tolerance: 0.1, slack: 32 * MEGABYTE };
/** Parts come and go with merges. */
const PARTS = { tolerance: 0.25, slack: 4 };
/** What waits on Kafka may rise by the load of so many seconds. */
const LAG_SECONDS = 2;

/** Half of what the pipeline carries, for an hour: memory flat, lag and parts bounded, sums right. */
export const soakBench: Bench = async (bench) => {
  const size = bench.short ? 'short' : 'full';
  const live = await startLivePipeline(bench, {
    canaryRate: CANARIES_PER_SECOND,
    reportEveryMs: REPORT_EVERY_MS,
    rateEvents: bench.events ?? RATE_EVENTS[size],
  });
  const seconds = bench.short ? SHORT_SECONDS : (bench.minutes ?? MINUTES) * 60;
  const asked = live.rate * LEVEL;
  const samples: SoakSample[] = [];
  const copies: number[] = [];
  await live.startLoad(asked);
  live.canaries.resume();
  const startedAt = performance.now();
  let toldAt = Number.NEGATIVE_INFINITY;
  while (performance.now() - startedAt < seconds * 1000) {
    await sleep(SAMPLE_MS[size]);
    samples.push(await takeSample(live));
    if (performance.now() - toldAt > 60_000) {
      toldAt = performance.now();
      copies.push(memoryCopyGigabytes());
      const minute = Math.round((toldAt - startedAt) / 60_000);
      bench.say(
        `${minute} min: ${describe(samples.at(-1))}; memory copies ${copies.at(-1)?.toFixed(1)} GB/s`,
      );
    }
  }
  await live.canaries.pause();
  const load = await live.stopLoad();
  const lookedUp = await idsLookedUp(live.services.aggregator.url);
  const { events } = await live.finish();
  bench.say(`${events} events are stored, sums are right`);
  const { results, withheld } = toOutcome(samples, asked);
  const fault = loadFault(load, asked);
  const delays = live.book.take();
  return {
    results: [
      { metric: 'minutes', value: seconds / 60, unit: 'min' },
      { metric: 'events', value: events, unit: 'events' },
      { metric: 'load', value: load.events / load.seconds, unit: 'events/s', baseline: asked },
      { metric: 'freshness_p50_ms', value: quantile(delays, 0.5), unit: 'ms', rounds: delays.length },
      { metric: 'freshness_p99_ms', value: quantile(delays, 0.99), unit: 'ms', rounds: delays.length },
      { metric: 'ids_looked_up', value: lookedUp, unit: 'ids' },
      // A shared host may slow down within the hour: that shows here, and in nothing that the kernel counts.
      measured('memory_copy', 'GB/s under load', summarize(copies)),
      ...results,
    ],
    withheld: fault === null ? withheld : [`all: ${fault}`, ...withheld],
  };
};

/** What one look saw. */
interface SoakSample {
  /** Bytes, by process. */
  readonly resident: ReadonlyMap<string, number>;
  readonly lag: number;
  /** Active parts, by table. */
  readonly parts: ReadonlyMap<string, number>;
}

async function takeSample({ stack, services, clickhouse, progress }: LivePipeline): Promise<SoakSample> {
  const pids = {
    proxy: services.proxy.pid,
    aggregator: services.aggregator.pid,
    reporting: services.reporting.pid,
    kafka: stack.kafkaPid,
    clickhouse: stack.clickhousePid,
  };
  const resident = new Map(Object.entries(pids).map(([name, pid]) => [name, residentBytes(pid) ?? 0]));
  return { resident, lag: await progress.lag(), parts: await readPartCounts(clickhouse, DATABASE) };
}

function describe(sample: SoakSample | undefined): string {
  if (sample === undefined) return 'nothing was seen';
  const resident = [...sample.resident].map(([name, bytes]) => `${name} ${Math.round(bytes / MEGABYTE)} MB`);
  const parts = [...sample.parts.values()].reduce((sum, count) => sum + count, 0);
  return `${resident.join(', ')}; ${sample.lag} records wait, ${parts} parts`;
}

/** Quantities of all samples, each with what it may rise by. */
function toOutcome(samples: readonly SoakSample[], asked: number): BenchOutcome {
  const results: Result[] = [];
  const withheld: string[] = [];
  const add = (metric: string, unit: string, { values, ...bounds }: Quantity) => {
    const { second, last, max, isFlat } = judgeFlatness(values, bounds);
    const ratio = second === 0 ? {} : { ratio: last / second };
    results.push({ metric, value: last, unit, baseline: second, max, ...ratio });
    if (!isFlat) {
      withheld.push(`${metric} rose from ${Math.round(second)} to ${Math.round(last)}: it is not flat`);
    }
  };
  const [first] = samples;
  for (const name of first?.resident.keys() ?? []) {
    const values = samples.map(({ resident }) => (resident.get(name) ?? 0) / MEGABYTE);
    const slack = MEMORY.slack / MEGABYTE;
    add(`rss_${name}`, 'MB, last quarter; baseline: second', { ...MEMORY, slack, values });
  }
  const lags = samples.map(({ lag }) => lag);
  const slack = asked * LAG_SECONDS;
  add('lag', 'records, last quarter; baseline: second', { values: lags, tolerance: 0, slack });
  const tables = new Set(samples.flatMap(({ parts }) => [...parts.keys()]));
  for (const table of [...tables].sort()) {
    const values = samples.map(({ parts }) => parts.get(table) ?? 0);
    add(`parts_${table}`, 'active parts, last quarter; baseline: second', { ...PARTS, values });
  }
  return { results, withheld };
}

interface Quantity {
  readonly values: readonly number[];
  readonly tolerance: number;
  readonly slack: number;
}
