import { dayRange, EVENT_LIMITS, type Period, parseDay } from '@meterstone/metering';
import type { ReportDimension, ReportQuestion } from '@meterstone/store';
import { z } from 'zod';
import { invalidParameter } from './errors.ts';

/** Who asks: reports never leave the key's org. */
export interface Asker {
  readonly orgId: string;
  readonly apiKeyId: string;
}

/** A question that can be asked of the store, and what its answer is to look like. */
export interface ReportRequest {
  readonly question: ReportQuestion;
  /** Adds exact decimal strings beside the amounts. */
  readonly exact: boolean;
}

/** Every value of `group_by`: the first eight are Vercel's, the rest are ours. */
export const GROUP_BY: readonly [ReportDimension, ...ReportDimension[]] = [
  'day',
  'user',
  'model',
  'tag',
  'provider',
  'credential_type',
  'zero_data_retention',
  'api_key_name',
  'plan',
  'project',
  'service_tier',
];

/** Limits of a question. Units are in the names. */
const REPORT_LIMITS = {
  rowsDefault: 4096,
  rowsMax: 100_000,
  filterTagsMax: 100,
  filterCharactersMax: 256,
  /** The days that ClickHouse's `DateTime` can hold, with a margin. */
  firstDay: '1970-01-01',
  lastDay: '2105-12-31',
} as const;

/** Of an unknown parameter's name in the answer. */
const PARAMETER_CHARACTERS_SHOWN_MAX = 64;

const { rowsDefault, rowsMax, filterTagsMax, filterCharactersMax, firstDay, lastDay } = REPORT_LIMITS;

const day = z
  .string('is required, as YYYY-MM-DD, for example 2026-01-31')
  .refine(
    (text) => parseDay(text) !== null,
    'must be a day of the calendar as YYYY-MM-DD, for example 2026-01-31',
  )
  .refine((text) => text >= firstDay && text <= lastDay, `must be from ${firstDay} to ${lastDay}`);

const name = z
  .string()
  .max(filterCharactersMax, `has at most ${filterCharactersMax} characters`)
  .refine((text) => !text.includes('\0'), 'must not contain a NUL character');

const flag = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');

const tags = z
  .string()
  .transform((text) => text.split(',').map((tag) => tag.trim()))
  .pipe(
    z
      .array(
        name
          .min(1, 'has an empty tag; separate tags by single commas')
          .max(
            EVENT_LIMITS.tagCharactersMax,
            `has a tag of over ${EVENT_LIMITS.tagCharactersMax} characters`,
          ),
      )
      .max(filterTagsMax, `has at most ${filterTagsMax} tags`)
      .transform((list) => [...new Set(list)]),
  );

const limit = z
  .string()
  .regex(/^[1-9][0-9]{0,5}$/, `must be a whole number from 1 to ${rowsMax}`)
  .transform(Number)
  .refine((rows) => rows <= rowsMax, `must be a whole number from 1 to ${rowsMax}`);

const querySchema = z.strictObject({
  start_date: day,
  end_date: day,
  group_by: z.enum(GROUP_BY, `must be one of ${GROUP_BY.join(', ')}`).default('day'),
  date_part: z.enum(['day', 'hour'], 'must be day or hour').optional(),
  user_id: name.optional(),
  model: name.optional(),
  provider: name.optional(),
  credential_type: z.enum(['byok', 'system'], 'must be byok or system').optional(),
  zero_data_retention: flag.optional(),
  tags: tags.optional(),
  tags_match: z.enum(['any', 'all'], 'must be any or all').default('any'),
  api_key_id: name.min(1, 'must be a key id, or self for the key that asks').optional(),
  project: name.optional(),
  plan: name.optional(),
  service_tier: name.optional(),
  exact: flag.default(false),
  limit: limit.default(rowsDefault),
});

type Query = z.output<typeof querySchema>;

/**
 * Reads the query string of `/v1/report`. ApiError `invalid_request_error` naming the parameter and what it
 * must be. An empty filter (`user_id=`) asks for rows without that fact, which the report shows as `""`.
 */
export function readReportQuestion(query: Readonly<Record<string, unknown>>, asker: Asker): ReportRequest {
  const parsed = querySchema.safeParse(singleValues(query));
  if (!parsed.success) throw toApiError(parsed.error.issues);
  const { data } = parsed;
  const period = dayRange(data.start_date, data.end_date);
  if (period === null) {
    throw invalidParameter(
      'end_date',
      `end_date ${data.end_date} is before start_date ${data.start_date}; both days are included, so give the same day twice for one day`,
    );
  }
  return { exact: data.exact, question: toQuestion(data, asker, period) };
}

/** A repeated parameter would leave open which one counts. */
function singleValues(query: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const [param, value] of Object.entries(query)) {
    if (Array.isArray(value))
      throw invalidParameter(param, `${param} is given ${value.length} times; give it once`);
  }
  return { ...query };
}

function toApiError(issues: readonly z.core.$ZodIssue[]): Error {
  for (const issue of issues) {
    // A misspelt filter that was ignored would answer for everybody; so it is refused, and first of all.
    if (issue.code === 'unrecognized_keys') {
      const param = (issue.keys[0] ?? '').slice(0, PARAMETER_CHARACTERS_SHOWN_MAX);
      const known = Object.keys(querySchema.shape).join(', ');
      return invalidParameter(param, `Unknown parameter ${param}. The report knows ${known}.`);
    }
  }
  const issue = issues[0];
  const param = String(issue?.path[0] ?? '');
  return invalidParameter(param, `${param} ${issue?.message ?? 'is not valid'}`);
}

function toQuestion(data: Query, asker: Asker, period: Period): ReportQuestion {
  return {
    orgId: asker.orgId,
    start: period.start,
    end: period.end,
    groupBy: [data.group_by],
    // Only when it was given: Vercel's clients that split models by day send it, all others want whole sums.
    datePart: data.date_part ?? null,
    filters: {
      userId: data.user_id ?? null,
      model: data.model ?? null,
      provider: data.provider ?? null,
      credentialType: data.credential_type ?? null,
      zeroDataRetention: data.zero_data_retention ?? null,
      tags: data.tags ?? [],
      tagsMatch: data.tags_match,
      apiKeyId: data.api_key_id === 'self' ? asker.apiKeyId : (data.api_key_id ?? null),
      project: data.project ?? null,
      plan: data.plan ?? null,
      serviceTier: data.service_tier ?? null,
    },
    limit: data.limit,
  };
}
