import type { Outcome } from '@meterstone/metering';

/** What a report can be split by, under the names of the API. */
export type ReportDimension =
  | 'day'
  | 'user'
  | 'model'
  | 'tag'
  | 'provider'
  | 'credential_type'
  | 'zero_data_retention'
  | 'api_key_name'
  | 'plan'
  | 'project'
  | 'service_tier'
  | 'operation'
  | 'outcome'
  | 'region';

/** A field of a report row that names its group. `api_key_name` holds the key's id: names are not stored. */
export type ReportField = ReportDimension | 'hour';

/** Which requests count. `null` (for tags: the empty list) = no filter; the empty text = where the fact is absent. */
export interface ReportFilters {
  readonly userId: string | null;
  /** `creator/name`. */
  readonly model: string | null;
  readonly provider: string | null;
  /** `system` takes `reserved` with it, and `byok` takes `subscription`. */
  readonly credentialType: 'system' | 'byok' | null;
  readonly zeroDataRetention: boolean | null;
  readonly tags: readonly string[];
  /** Whether one of `tags` is enough. */
  readonly tagsMatch: 'any' | 'all';
  readonly apiKeyId: string | null;
  readonly project: string | null;
  /** The rate plan that applied. */
  readonly plan: string | null;
  /** The tier served. */
  readonly serviceTier: string | null;
  /** `chat`, `embeddings`, …; left out = no filter. */
  readonly operation?: string | null;
  /** How the attempt ended; left out = no filter. */
  readonly outcome?: Outcome | null;
  /** The region served; left out = no filter. */
  readonly region?: string | null;
}

/** One question to the store, whose answer is rows of sums. */
export interface ReportQuestion {
  readonly orgId: string;
  /** Epoch milliseconds, UTC: the range is half-open, [start, end). */
  readonly start: number;
  readonly end: number;
  /** One or more; an empty list asks for days. */
  readonly groupBy: readonly ReportDimension[];
  /** Splits rows by time as well; `null` = only if `groupBy` names `day`. `hour` makes the `day` asked for an hour. */
  readonly datePart: 'day' | 'hour' | null;
  readonly filters: ReportFilters;
  /** Most rows of the answer, `(other)` included; 1 or more. */
  readonly limit: number;
}

/** Filters that let everything pass. */
export const NO_FILTERS: ReportFilters = Object.freeze({
  userId: null,
  model: null,
  provider: null,
  credentialType: null,
  zeroDataRetention: null,
  tags: [],
  tagsMatch: 'any',
  apiKeyId: null,
  project: null,
  plan: null,
  serviceTier: null,
});
