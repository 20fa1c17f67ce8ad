import {
  bucketColumn,
  type CredentialType,
  type EventKind,
  type Outcome,
  parseAmount,
  TOKEN_BUCKETS,
  type TokenCounts,
  type UsageSource,
  uuidText,
} from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readRows, toCount } from './read.ts';

/** One stored line of an attempt. Absent text is empty. */
export interface GenerationLine {
  readonly line: number;
  readonly kind: EventKind;
  readonly operationId: string;
  /** Epoch milliseconds, UTC. */
  readonly occurredAt: number;
  readonly provider: string;
  readonly model: string;
  readonly requestModel: string;
  readonly responseModel: string;
  readonly operation: string;
  readonly serviceTier: string;
  readonly credentialType: CredentialType;
  readonly streamed: boolean;
  readonly finishReason: string;
  readonly responseId: string;
  /** 0 = no status line came. */
  readonly httpStatus: number;
  readonly outcome: Outcome;
  readonly usageSource: UsageSource;
  readonly timeToFirstTokenMs: number | null;
  readonly durationMs: number | null;
  readonly tokens: TokenCounts;
  readonly quantities: Readonly<Record<string, number>>;
  /** Picodollars; `null` = unpriced. */
  readonly marketCost: bigint | null;
  readonly totalCost: bigint | null;
  readonly surchargeCost: bigint | null;
  readonly charge: bigint | null;
}

/** Which attempt: an org sees its own alone. */
export interface GenerationKey {
  readonly orgId: string;
  /** 16 bytes. */
  readonly eventId: Uint8Array;
}

/** A row as ClickHouse writes it: 64-bit integers and amounts are text. */
interface RowFacts {
  readonly line: number;
  readonly kind: EventKind;
  readonly operation_id: string;
  readonly started_at: string;
  readonly provider: string;
  readonly model: string;
  readonly request_model: string;
  readonly response_model: string;
  readonly operation: string;
  readonly service_tier: string;
  readonly credential_type: CredentialType;
  readonly streamed: boolean;
  readonly finish_reason: string;
  readonly response_id: string;
  readonly http_status: number;
  readonly outcome: Outcome;
  readonly usage_source: UsageSource;
  readonly time_to_first_token_ms: number | null;
  readonly duration_ms: number | null;
  readonly quantities: Readonly<Record<string, string>>;
  readonly market_cost: string | null;
  readonly total_cost: string | null;
  readonly surcharge_cost: string | null;
  readonly charge: string | null;
}

/**
 * How far the request's start may lie from the time in its UUIDv7: the id is minted when the request arrives, so
 * this is for clocks that were set in between, and for events whose sender mints ids by another clock.
 */
const EVENT_ID_SLACK_MS = 3_600_000;

const UUID_VERSION_7 = 7;
const UUID_TIME_BYTES = 6;

const COLUMNS = [
  'line',
  'kind',
  "if(operation_id = '', toString(event_id), operation_id) AS operation_id",
  'toUnixTimestamp64Milli(occurred_at) AS started_at',
  'provider',
  'model',
  'request_model',
  'response_model',
  'operation',
  'service_tier',
  'credential_type',
  'streamed',
  'finish_reason',
  'response_id',
  'http_status',
  'outcome',
  'usage_source',
  'time_to_first_token_ms',
  'duration_ms',
  'quantities',
  'market_cost',
  'total_cost',
  'surcharge_cost',
  'charge',
  ...TOKEN_BUCKETS.map(bucketColumn),
];

const WITHIN_RANGE = "  AND occurred_at BETWEEN {from:DateTime64(3, 'UTC')} AND {to:DateTime64(3, 'UTC')}\n";

/**
 * The lines of one attempt in order; empty = not stored (yet), or another org's. An id that carries its time is
 * looked for in the hours around it, any other in all the org has.
 */
export async function readGeneration(client: StoreClient, key: GenerationKey): Promise<GenerationLine[]> {
  const mintedAt = uuidV7Time(key.eventId);
  const around = mintedAt === null ? '' : WITHIN_RANGE;
  const sql = `SELECT ${COLUMNS.join(', ')}
FROM ${RAW_TABLE.name}
WHERE org_id = {org_id:String}
  AND event_id = {event_id:UUID}
${around}ORDER BY line`;
  const range =
    mintedAt === null
      ? {}
      : { from: instant(mintedAt - EVENT_ID_SLACK_MS), to: instant(mintedAt + EVENT_ID_SLACK_MS) };
  const params = { org_id: key.orgId, event_id: uuidText(key.eventId), ...range };
  const { rows } = await readRows({ client, sql, params, threadsMax: 1 });
  return rows.map(toGenerationLine);
}

/** Epoch milliseconds in a UUIDv7; `null` = an id of another version. */
function uuidV7Time(id: Uint8Array): number | null {
  if ((id[UUID_TIME_BYTES] ?? 0) >> 4 !== UUID_VERSION_7) return null;
  let time = 0;
  for (let i = 0; i < UUID_TIME_BYTES; i += 1) time = time * 256 + (id[i] ?? 0);
  return time;
}

function toGenerationLine(row: readonly unknown[]): GenerationLine {
  // ClickHouse gave these columns their types; the names of its Enum8 columns are the domain's own.
  const facts = Object.fromEntries(
    COLUMNS.map((column, i) => [column.split(' AS ').at(-1), row[i]]),
  ) as RowFacts;
  return {
    line: facts.line,
    kind: facts.kind,
    operationId: facts.operation_id,
    occurredAt: toCount(facts.started_at),
    provider: facts.provider,
    model: facts.model,
    requestModel: facts.request_model,
    responseModel: facts.response_model,
    operation: facts.operation,
    serviceTier: facts.service_tier,
    credentialType: facts.credential_type,
    streamed: facts.streamed,
    finishReason: facts.finish_reason,
    responseId: facts.response_id,
    httpStatus: facts.http_status,
    outcome: facts.outcome,
    usageSource: facts.usage_source,
    timeToFirstTokenMs: facts.time_to_first_token_ms,
    durationMs: facts.duration_ms,
    tokens: toTokens(row.slice(-TOKEN_BUCKETS.length)),
    quantities: Object.fromEntries(Object.entries(facts.quantities).map(([name, n]) => [name, toCount(n)])),
    marketCost: toAmount(facts.market_cost),
    totalCost: toAmount(facts.total_cost),
    surchargeCost: toAmount(facts.surcharge_cost),
    charge: toAmount(facts.charge),
  };
}

function toTokens(counts: readonly unknown[]): TokenCounts {
  // The list of buckets is the list of keys.
  return Object.fromEntries(TOKEN_BUCKETS.map((bucket, i) => [bucket, toCount(counts[i])])) as TokenCounts;
}

function toAmount(text: string | null): bigint | null {
  return text === null ? null : parseAmount(text);
}

function instant(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('T', ' ').slice(0, -1);
}
