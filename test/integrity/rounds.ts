import { rmSync } from 'node:fs';
import type { Stack } from '@meterstone/local-stack';
import { type FaultKind, planFaults } from './faults.ts';
import { findingLines } from './finding-lines.ts';
import { createChance } from './random.ts';
import { type RoundReport, runRound } from './round.ts';
import { readText } from './stored-rows.ts';
import { type PipelineUnderTest, startOwnStack, startPipelineUnderTest } from './system.ts';
import type { Sums } from './truth.ts';

export interface RoundsOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Everything that a run leaves behind; removed when every round passed. */
  readonly folder: string;
  readonly faultsPerRound: number;
  /** See `FaultPlan`. */
  readonly only: FaultKind | null;
  readonly say: (line: string) => void;
}

/** Runs rounds on one stack. A round that fails leaves its database behind, and the next one begins with a new one. */
export async function runRounds(options: RoundsOptions): Promise<{ passed: number; failed: number }> {
  const { rounds, seed, folder, say } = options;
  say(`integrity: ${rounds} rounds, seed ${seed}, in ${folder}`);
  const stack = await startOwnStack(folder, say);
  const counts = { passed: 0, failed: 0 };
  let run: Run | null = null;
  try {
    for (let number = 1; number <= rounds; number += 1) {
      run ??= await startRun(stack, options);
      const report = await playRound(run, number, options);
      if (report.findings.length === 0) {
        counts.passed += 1;
      } else {
        counts.failed += 1;
        await run.pipeline.stopServices();
        run = null;
      }
    }
  } finally {
    await run?.pipeline.stopServices();
    await stack.stop(0);
  }
  if (counts.failed === 0) rmSync(folder, { recursive: true, force: true });
  return counts;
}

/** Rounds that share a database, and so their sums. */
interface Run {
  readonly pipeline: PipelineUnderTest;
  readonly sums: Sums;
  readonly hasLedger: boolean;
}

async function startRun(stack: Stack, { folder, seed }: RoundsOptions): Promise<Run> {
  const pipeline = await startPipelineUnderTest(stack, { folder, seed });
  const [exists] = await readText(pipeline.store, 'EXISTS TABLE ingest_ranges');
  return { pipeline, sums: new Map(), hasLedger: Number(exists?.[0]) === 1 };
}

async function playRound(run: Run, number: number, options: RoundsOptions): Promise<RoundReport> {
  const { seed, say, faultsPerRound, only } = options;
  const { pipeline, sums, hasLedger } = run;
  // Each round has a chance of its own, so that one can be played again without those before it.
  const chance = createChance(seed * 1_000 + number);
  const faults = planFaults({ chance, hasLedger, only }, faultsPerRound);
  const startedAt = Date.now();
  for (const seat of pipeline.aggregators.slice(0, 2)) seat.process.start();
  const report = await runRound({ pipeline, number, seed, chance, faults, sums, say });
  say(roundLine(number, report, Date.now() - startedAt));
  for (const line of findingLines(report.findings)) say(line);
  if (report.findings.length > 0) say(`  its rows stay in database ${pipeline.database}`);
  return report;
}

function roundLine(number: number, report: RoundReport, elapsedMs: number): string {
  const { findings, kills, events, attempts, orphansSeen, orphansUnseen } = report;
  const verdict = findings.length === 0 ? 'passed' : 'FAILED';
  return (
    `round ${number} ${verdict}: ${kills} kills, ${events} events and ${attempts} attempts; ` +
    `${orphansSeen + orphansUnseen} orphans (${orphansUnseen} unseen); ${elapsedMs} ms`
  );
}
