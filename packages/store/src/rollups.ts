import { enumType, plain } from './column.ts';
import { CREDENTIAL_TYPE_CODES, KIND_CODES, OUTCOME_CODES } from './enum-codes.ts';
import { RAW_TABLE } from './raw-events.ts';
import { type Dimension, periodStart, type Rollup, sameAsRaw } from './rollup.ts';
import { tagsHash } from './tag-sets.ts';

const QUARTER_OF_AN_HOUR = 900;
const DAY = 86_400;

const ORG = sameAsRaw(plain('org_id', 'String'));
/** Without them, closing a period or booking a late row would change a sum that was counted. */
const BOOKING = [sameAsRaw(plain('kind', enumType(KIND_CODES))), sameAsRaw(plain('booked_period', 'UInt32'))];
const PROVIDER = sameAsRaw(plain('provider', 'LowCardinality(String)'));
const MODEL = sameAsRaw(plain('model', 'LowCardinality(String)'));
const RATE_PLAN = sameAsRaw(plain('rate_plan', 'LowCardinality(String)'));
const CREDENTIAL_TYPE = sameAsRaw(plain('credential_type', enumType(CREDENTIAL_TYPE_CODES)));

/** What an org asks about itself. */
const USAGE_DIMENSIONS: readonly Dimension[] = [
  sameAsRaw(plain('api_key_id', 'String')),
  sameAsRaw(plain('project', 'String')),
  RATE_PLAN,
  PROVIDER,
  MODEL,
  sameAsRaw(plain('service_tier', 'LowCardinality(String)')),
  CREDENTIAL_TYPE,
  sameAsRaw(plain('zero_data_retention', 'Bool')),
];

/** The tag set by its hash; the tags are in `tag_sets`. */
const TAGS: Dimension = { column: plain('tags_hash', 'UInt64'), fromRaw: tagsHash };

/** Questions with tags, in any zone, at any grain. */
export const TAGS_15M: Rollup = {
  name: 'tags_15m',
  source: RAW_TABLE.name,
  periodSeconds: QUARTER_OF_AN_HOUR,
  dimensions: [ORG, periodStart(QUARTER_OF_AN_HOUR), ...BOOKING, ...USAGE_DIMENSIONS, TAGS],
};

/** Questions without tags and users, in any zone: every zone's offset is a multiple of a quarter of an hour. */
export const USAGE_15M: Rollup = {
  name: 'usage_15m',
  source: TAGS_15M.name,
  periodSeconds: QUARTER_OF_AN_HOUR,
  dimensions: [ORG, periodStart(QUARTER_OF_AN_HOUR), ...BOOKING, ...USAGE_DIMENSIONS],
};

/** The same by whole days of UTC. */
export const USAGE_DAY: Rollup = {
  name: 'usage_day',
  source: USAGE_15M.name,
  periodSeconds: DAY,
  dimensions: [ORG, periodStart(DAY), ...BOOKING, ...USAGE_DIMENSIONS],
};

/** All users of an org. One user, and users by anything else, are read from raw, which is ordered by user. */
export const USER_DAY: Rollup = {
  name: 'user_day',
  source: RAW_TABLE.name,
  periodSeconds: DAY,
  dimensions: [
    ORG,
    periodStart(DAY),
    sameAsRaw(plain('user_key', 'FixedString(16)')),
    RATE_PLAN,
    CREDENTIAL_TYPE,
    ...BOOKING,
  ],
};

/** How requests ended, where they ran and what they were. In the key of every rollup, it would cost a third more. */
export const HEALTH_15M: Rollup = {
  name: 'health_15m',
  source: RAW_TABLE.name,
  periodSeconds: QUARTER_OF_AN_HOUR,
  dimensions: [
    ORG,
    periodStart(QUARTER_OF_AN_HOUR),
    ...BOOKING,
    PROVIDER,
    MODEL,
    sameAsRaw(plain('operation', 'LowCardinality(String)')),
    sameAsRaw(plain('outcome', enumType(OUTCOME_CODES))),
    sameAsRaw(plain('region', 'LowCardinality(String)')),
  ],
};

/** The one list of rollups; a rollup stands after its source. */
export const ROLLUPS: readonly Rollup[] = [TAGS_15M, USAGE_15M, USAGE_DAY, USER_DAY, HEALTH_15M];
