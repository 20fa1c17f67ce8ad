import { createRater, type RatingTerms } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { UserKeyer } from '@meterstone/store';
import { type Counters, countMemoryRestart } from './counters.ts';
import { FastLane } from './fast-lane/fast-lane.ts';
import { RATING_LIMITS, type RatingLimits } from './fast-lane/rating-limits.ts';
import type { RatingTools } from './rate-batch.ts';

/** The tools of terms; of those in force, made anew only when they change, so that a rater's memory lives on. */
export interface Toolbox {
  current(): RatingTools;
  /** Of an intent's terms. */
  of(terms: RatingTerms): RatingTools;
}

export interface ToolboxOptions {
  readonly terms: () => RatingTerms;
  readonly userKeyOf: UserKeyer;
  readonly counters: Counters;
  readonly logger: Logger;
}

export function createToolbox({ terms, userKeyOf, counters, logger }: ToolboxOptions): Toolbox {
  const onLimit = (limit: keyof RatingLimits) => {
    countMemoryRestart(counters, limit);
    logger.warn(
      { limit, most: RATING_LIMITS[limit] },
      'what is remembered of prices was full and starts afresh',
    );
  };
  const of = (wanted: RatingTerms) => ({
    terms: wanted,
    rate: createRater(wanted),
    userKeyOf,
    fastLane: new FastLane({ terms: wanted, userKeyOf, onLimit }),
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
