import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Comparison, Summary } from './rounds.ts';
import { shortNumber, textTable } from './text-table.ts';

/** One figure. Of a ratio metric the ratio is `value`, and `baseline` what the baseline cost or did. */
export interface Result {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  readonly ratio?: number;
  readonly rounds?: number;
  readonly min?: number;
  readonly max?: number;
}

/** One benchmark's figures and where they were taken. */
export interface BenchResult {
  readonly name: string;
  readonly commit: string;
  /** ISO-8601, UTC. */
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Readonly<Record<string, string | number | boolean>>;
  readonly results: readonly Result[];
}

/** A figure that was measured once a round. */
export function measured(metric: string, unit: string, { median, min, max, rounds }: Summary): Result {
  return { metric, value: median, unit, rounds, min, max };
}

/** A ratio over all rounds, with what the baseline came to in `unit`. */
export function ratioOf(metric: string, unit: string, { ratio, baseline }: Comparison): Result {
  return { ...measured(metric, unit, ratio), baseline: baseline.median, ratio: ratio.median };
}

/** Writes `<folder>/<name>.json` and gives its path. */
export function writeResult(folder: string, fileName: string, result: BenchResult): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${fileName}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** The figures as a table. */
export function resultTable(results: readonly Result[]): string {
  return textTable(
    ['metric', 'value', 'unit', 'baseline', 'ratio', 'rounds', 'min', 'max'],
    results.map(({ metric, value, unit, baseline, ratio, rounds, min, max }) => [
      metric,
      shortNumber(value),
      unit,
      shortNumber(baseline),
      shortNumber(ratio),
      rounds === undefined ? '' : String(rounds),
      shortNumber(min),
      shortNumber(max),
    ]),
  );
}
