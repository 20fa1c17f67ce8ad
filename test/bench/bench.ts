import type { Cores } from './cores.ts';
import type { Result } from './result-file.ts';

/** What a benchmark is asked for. */
export interface BenchOptions {
  readonly rounds: number;
  /** Events of the pipeline and of the report; `null` = the benchmark's own default. */
  readonly events: number | null;
  /** Loads of the proxy that are put on it, the others left out; `null` = all of them. */
  readonly loads: readonly string[] | null;
  /** What the pipeline is held against, the others left out; `null` = all of it. */
  readonly against: readonly string[] | null;
  /** Events a second that the pipeline is taken to carry, where that is not to be measured first; `null` = measure. */
  readonly rate: number | null;
  /** Length of a soak; `null` = an hour. */
  readonly minutes: number | null;
  /** Tiny rounds, for work on the harness itself: its numbers are no figures. */
  readonly short: boolean;
  /** Flags for the Node of the service that is measured: none, or those that write a CPU profile. */
  readonly nodeFlags: readonly string[];
  readonly cores: Cores;
  readonly say: (line: string) => void;
  /** Run last, in reverse order, however the benchmark ends. */
  readonly defer: (cleanup: () => Promise<unknown> | undefined) => void;
}

/** What a benchmark found. */
export interface BenchOutcome {
  readonly results: readonly Result[];
  /** Figures that this run does not have, and why. */
  readonly withheld: readonly string[];
  /** Figures that a run of this kind cannot have, and why: no failure. @default none */
  readonly absent?: readonly string[];
}

/** A benchmark. It rejects when sums are wrong: then there is no figure at all. */
export type Bench = (options: BenchOptions) => Promise<BenchOutcome>;

/** A run that has no figures: something is lost, doubled, or changed on the way. */
export class WrongSums extends Error {
  override readonly name = 'WrongSums';
}
