import { summarize } from '../rounds.ts';

/** How a quantity went over a soak. */
export interface Flatness {
  /** Medians of the second and of the last quarter: in the first, caches and windows fill. */
  readonly second: number;
  readonly last: number;
  /** The most in all of it. */
  readonly max: number;
  /** The last quarter is no more than the tolerance above the second. */
  readonly isFlat: boolean;
}

/** Compares quarters. `tolerance` is a share of the second quarter, `slack` is added to it, in the quantity's unit. */
export function judgeFlatness(
  samples: readonly number[],
  { tolerance, slack }: { readonly tolerance: number; readonly slack: number },
): Flatness {
  const quarter = (number: number) =>
    samples.slice(Math.floor((samples.length * number) / 4), Math.floor((samples.length * (number + 1)) / 4));
  const second = summarize(quarter(1)).median;
  const last = summarize(quarter(3)).median;
  return { second, last, max: Math.max(...samples), isFlat: last <= second * (1 + tolerance) + slack };
}
