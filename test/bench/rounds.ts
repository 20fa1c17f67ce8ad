/** What was seen of one quantity over all rounds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** Median and range; of an even number of values the mean of the two in the middle. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    rounds: sorted.length,
  };
}

/** One round: ours between two runs of the baseline, so that a drift of the machine falls on both alike. */
export interface Sandwich<T> {
  readonly before: T;
  readonly ours: T;
  readonly after: T;
}

/** The two things that are compared; each run is one round's worth of work. */
export interface Sides<T> {
  readonly baseline: (round: number, place: 'before' | 'after') => Promise<T>;
  readonly ours: (round: number) => Promise<T>;
}

/** Runs baseline, ours, baseline in turn, one after the other and never side by side. */
export async function interleave<T>(rounds: number, sides: Sides<T>): Promise<Sandwich<T>[]> {
  const done: Sandwich<T>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = await sides.baseline(round, 'before');
    const ours = await sides.ours(round);
    const after = await sides.baseline(round, 'after');
    done.push({ before, ours, after });
  }
  return done;
}

/** Several baselines, by name, and what they all are held against. */
export interface ManySides<T> {
  readonly baselines: ReadonlyMap<string, Sides<T>['baseline']>;
  readonly ours: Sides<T>['ours'];
}

/** The same with several baselines around one run of ours: in their order before it, and in reverse behind it. */
export async function interleaveAll<T>(
  rounds: number,
  { baselines, ours }: ManySides<T>,
): Promise<ReadonlyMap<string, readonly Sandwich<T>[]>> {
  const done = new Map<string, Sandwich<T>[]>([...baselines.keys()].map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const before = new Map<string, T>();
    for (const [name, run] of baselines) before.set(name, await run(round, 'before'));
    const run = await ours(round);
    for (const [name, baseline] of [...baselines].reverse()) {
      const first = before.get(name);
      const after = await baseline(round, 'after');
      if (first !== undefined) done.get(name)?.push({ before: first, ours: run, after });
    }
  }
  return done;
}

/** One quantity of both sides, compared. */
export interface Comparison {
  readonly ours: Summary;
  readonly baseline: Summary;
  /** One ratio a round; 1 is as good as the baseline, more is better. */
  readonly ratio: Summary;
  /** First run of the baseline ÷ the second: what the same thing against itself differs by. */
  readonly noise: Summary;
}

/**
 * Compares round by round. With `cost` (CPU, time) the ratio is baseline ÷ ours, with `rate` (rows per second) ours ÷
 * baseline: in both, 1 is as good as the baseline.
 */
export function compare<T>(
  rounds: readonly Sandwich<T>[],
  quantity: (run: T) => number,
  kind: 'cost' | 'rate',
): Comparison {
  const each = rounds.map(({ before, ours, after }) => {
    const first = quantity(before);
    const second = quantity(after);
    return { ours: quantity(ours), first, second, baseline: (first + second) / 2 };
  });
  return {
    ours: summarize(each.map(({ ours }) => ours)),
    baseline: summarize(each.map(({ baseline }) => baseline)),
    ratio: summarize(each.map(({ ours, baseline }) => (kind === 'cost' ? baseline / ours : ours / baseline))),
    noise: summarize(each.map(({ first, second }) => first / second)),
  };
}

/** A baseline that moves by more than this between rounds measures the machine, not us. */
const BASELINE_DRIFT_MAX = 0.15;

/** Why a comparison is no figure; `null` = it is one. */
export function faultOf({ baseline }: Comparison): string | null {
  const drift = (baseline.max - baseline.min) / baseline.median;
  return drift > BASELINE_DRIFT_MAX
    ? `the baseline itself moved by ${Math.round(drift * 100)} % between rounds`
    : null;
}
