import { createRater, type RatingTerms } from '@meterstone/metering';
import type { UserKeyer } from '@meterstone/store';
import { FastLane } from './fast-lane/fast-lane.ts';
import type { RatingTools } from './rate-batch.ts';

/** The tools of terms; of those in force, made anew only when they change, so that a rater's memory lives on. */
export interface Toolbox {
  current(): RatingTools;
  /** Of an intent's terms. */
  of(terms: RatingTerms): RatingTools;
}

export function createToolbox({
  terms,
  userKeyOf,
}: {
  readonly terms: () => RatingTerms;
  readonly userKeyOf: UserKeyer;
}): Toolbox {
  const of = (wanted: RatingTerms) => ({
    terms: wanted,
    rate: createRater(wanted),
    userKeyOf,
    fastLane: new FastLane(wanted, userKeyOf),
  });
  let tools: RatingTools | null = null;
  return {
    of,
    current() {
      const wanted = terms();
      if (tools?.terms !== wanted) {
        tools = of(wanted);
      }
      return tools;
    },
  };
}
