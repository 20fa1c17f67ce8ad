import type { BenchOutcome } from '../bench.ts';
import { measured, type Result, ratioOf } from '../result-file.ts';
import { compare, faultOf, type Sandwich, summarize } from '../rounds.ts';
import type { Drain } from '../stack/drain.ts';
import type { Baseline, BaselineName } from './baselines.ts';
import type { InsertProfile } from './insert-select.ts';
import { judgeMerges, type PartSample } from './part-counts.ts';

/** One drain by the real aggregator, with what the tables looked like meanwhile. */
export interface WatchedDrain extends Drain {
  readonly samples: readonly PartSample[];
}

/** All that a run of the pipeline found. */
export interface PipelineFindings {
  readonly rounds: ReadonlyMap<string, readonly Sandwich<number>[]>;
  readonly baselines: ReadonlyMap<BaselineName, Baseline>;
  readonly drains: readonly WatchedDrain[];
  readonly events: number;
  readonly profile: InsertProfile;
  readonly more: readonly Result[];
}

/** Turns rows a second into figures. */
export function toOutcome(findings: PipelineFindings): BenchOutcome {
  const { drains, events, profile, more } = findings;
  const results: Result[] = [
    { metric: 'events', value: events, unit: 'events' },
    { metric: 'rows_per_insert', value: profile.blockRows, unit: 'rows' },
    measured('rows_per_s', 'rows/s', summarize(drains.map(({ seconds }) => events / seconds))),
  ];
  const withheld: string[] = [];
  addRatios(findings, { results, withheld });
  const absent = addSustained(findings, { results, withheld });
  const cpu = (metric: string, of: (drain: WatchedDrain) => number) =>
    measured(metric, 'µs/event', summarize(drains.map((drain) => of(drain) / events)));
  results.push(
    cpu('pipeline_cpu_us_per_event', (drain) => drain.cpu.aggregator + drain.cpu.kafka),
    cpu('aggregator_cpu_us_per_event', (drain) => drain.cpu.aggregator),
    cpu('kafka_cpu_us_per_event', (drain) => drain.cpu.kafka),
    cpu('clickhouse_cpu_us_per_event', (drain) => drain.cpu.clickhouse),
    ...more,
  );
  return { results, withheld, absent };
}

interface Draft {
  readonly results: Result[];
  readonly withheld: string[];
}

function addRatios({ rounds, baselines }: PipelineFindings, { results, withheld }: Draft): void {
  for (const [name, { metric, title }] of baselines) {
    const comparison = compare(rounds.get(name) ?? [], (rowsPerSecond) => rowsPerSecond, 'rate');
    const fault = faultOf(comparison);
    if (fault === null) results.push(ratioOf(metric, `ours ÷ ${title}, rows/s`, comparison));
    else withheld.push(`${metric}: ${fault}`);
    results.push(measured(`${name}_noise`, 'baseline ÷ itself', comparison.noise));
  }
}

/** The rate of runs that were long enough and whose merges kept up. Gives why there is none. */
function addSustained({ drains, events }: PipelineFindings, { results, withheld }: Draft): string[] {
  const verdicts = drains.map((drain) => judgeMerges(drain.samples, drain));
  const short = verdicts.find(({ kind }) => kind === 'too_short');
  if (short?.kind === 'too_short') {
    const seconds = Math.round(short.seconds);
    return [`sustained_rows_per_s: a drain took ${seconds} s, and merges tell only after 60 (--events)`];
  }
  const last = verdicts.at(-1);
  for (const { table, first, last: end } of last?.kind === 'too_short' ? [] : (last?.peaks ?? [])) {
    results.push({
      metric: `parts_${table}`,
      value: end,
      baseline: first,
      unit: 'active parts, most in the last 20 s; baseline: first 20 s',
    });
  }
  const behind = verdicts.find(({ kind }) => kind === 'fell_behind');
  if (behind?.kind === 'fell_behind') {
    const tables = behind.peaks.filter((peak) => peak.last > peak.first);
    const seen = tables.map((peak) => `${peak.table} ${peak.first} → ${peak.last}`).join(', ');
    withheld.push(`sustained_rows_per_s: merges did not keep up, active parts: ${seen}`);
    return [];
  }
  const rates = summarize(drains.map(({ seconds }) => events / seconds));
  results.push(measured('sustained_rows_per_s', 'rows/s, merges keep up', rates));
  return [];
}
