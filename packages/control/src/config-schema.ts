import { EVENT_LIMITS, PROVIDER_KINDS } from '@meterstone/metering';
import { z } from 'zod';

/** What an API key may do. `admin` implies all others. */
export type Scope = (typeof SCOPES)[number];

/** What one configuration file may hold, as it is written; every part may be absent. */
export type ConfigFile = z.output<typeof configFileSchema>;
/** One org as it is written. */
export type OrgConfig = z.output<typeof orgSchema>;
/** One API key as it is written: only its hash. */
export type KeyConfig = z.output<typeof keySchema>;

/** Every scope, in order of documentation. */
export const SCOPES = ['proxy', 'ingest', 'report', 'admin'] as const;

const NAME_CHARACTERS_MAX = 64;
const DISPLAY_NAME_CHARACTERS_MAX = 256;

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'a name starts with a letter or digit and holds only letters, digits, ".", "_" and "-"',
  )
  .max(NAME_CHARACTERS_MAX, `a name has at most ${NAME_CHARACTERS_MAX} characters`);

const displayName = z
  .string()
  .min(1, 'must not be empty')
  .max(DISPLAY_NAME_CHARACTERS_MAX, `has at most ${DISPLAY_NAME_CHARACTERS_MAX} characters`);

const planName = name.max(EVENT_LIMITS.planCharactersMax);

// A YAML number would pass through a float before it could be read as a decimal, so amounts are strings.
const amount = z
  .string('write the amount in quotes, as a decimal string such as "0.25"')
  .regex(
    /^(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?$/,
    'must be a decimal string such as "0.25", not negative, with at most 12 decimals',
  );

const instant = z
  .string('write a date such as 2026-01-01, or an instant such as 2026-01-01T00:00:00Z')
  .regex(
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/,
    'must be a UTC date such as 2026-01-01, or an instant such as 2026-01-01T00:00:00Z',
  )
  .refine(isRealInstant, 'no such day or time');

const ratePlanVersionSchema = z.strictObject({
  from: instant,
  multiplier: amount.default('1'),
  markup_per_million_tokens: amount.default('0'),
  fee_per_request: amount.default('0'),
});

const keySchema = z.strictObject({
  id: name,
  name: displayName,
  sha256: z
    .string('write the SHA-256 of the key as 64 hexadecimal digits in quotes')
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits, the SHA-256 of the key')
    .transform((text) => text.toLowerCase()),
  scopes: z
    .array(z.enum(SCOPES, `must be one of ${SCOPES.join(', ')}`))
    .min(1, 'a key needs at least one scope'),
  project: name.max(EVENT_LIMITS.projectCharactersMax).optional(),
  plan: planName.optional(),
});

const providerSchema = z.strictObject({
  kind: z.enum(PROVIDER_KINDS, `must be one of ${PROVIDER_KINDS.join(', ')}`),
  base_url: z
    .string()
    .refine(isHttpUrl, 'must be an http(s) URL without user, query or fragment')
    .transform((url) => url.replace(/\/+$/, '')),
  credential: z
    .string()
    .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'must be env:NAME or file:PATH, never the secret itself')
    .optional(),
});

const orgSchema = z.strictObject({
  name: displayName.optional(),
  plan: planName.optional(),
  credit: amount.optional(),
  byok_fee_per_request: amount.optional(),
  users: z
    .record(z.string().min(1).max(EVENT_LIMITS.userCharactersMax, 'a user is too long'), planName)
    .default({}),
  rate_plans: z
    .record(planName, z.array(ratePlanVersionSchema).min(1, 'a rate plan needs at least one version'))
    .default({}),
  keys: z.array(keySchema).default([]),
});

/** The shape of one file. Unknown keys are faults: a misspelt key must not be silently without effect. */
export const configFileSchema = z.strictObject({
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  providers: z.record(name, providerSchema).default({}),
  orgs: z.record(name, orgSchema).default({}),
});

function isRealInstant(text: string): boolean {
  const instantMs = Date.parse(text);
  // Date.parse rolls 2026-02-30 over into March in some forms; the round trip finds it.
  return Number.isFinite(instantMs) && new Date(instantMs).toISOString().startsWith(text.slice(0, 10));
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && (url.protocol === 'http:' || url.protocol === 'https:');
}
