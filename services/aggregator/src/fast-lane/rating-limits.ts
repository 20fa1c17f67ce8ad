/** What a memory of prices may hold before it starts afresh, entries of each kind. */
export interface RatingLimits {
  /** Users over all orgs, of about 250 bytes each. */
  readonly users: number;
  /** Orgs with their API keys and projects. */
  readonly who: number;
  /** Names of plans as requests ask for them, whether there are such plans or not. */
  readonly plans: number;
  /** Providers with their models, operations, tiers and regions. */
  readonly what: number;
  /** Ways of charging. */
  readonly chargings: number;
  /** Groups of texts that rows share, most of them of the way over objects where there are so many. */
  readonly texts: number;
}

/** What has a number of its own beyond these is rated without being remembered: the numbers make a key of 31 bits. */
export const WHAT_NUMBERS_MAX = 2 ** 11;
export const CHARGING_NUMBERS_MAX = 2 ** 14;

/** Reaching one of them costs time, since all is found anew; what comes out is the same. */
export const RATING_LIMITS: RatingLimits = {
  users: 200_000,
  who: 50_000,
  plans: 10_000,
  what: WHAT_NUMBERS_MAX / 2,
  chargings: CHARGING_NUMBERS_MAX / 2,
  texts: 200_000,
};
