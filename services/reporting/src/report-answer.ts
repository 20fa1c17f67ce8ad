import type { ApiKey } from '@meterstone/control';
import { amountToNumber, formatAmount } from '@meterstone/metering';
import type { ReportRow } from '@meterstone/store';

/** A row as the API gives it: strings and numbers, never `null`. */
export type AnswerRow = Readonly<Record<string, string | number>>;

/** How an answer is to look. */
export interface AnswerShape {
  /** Adds `<amount>_exact` strings. */
  readonly exact: boolean;
  /** The org's keys by id: reports show names where the store has ids. */
  readonly keys: ReadonlyMap<string, Pick<ApiKey, 'name'>>;
}

/** Vercel's columns first, ours after them. Counts. */
const COUNTS = [
  ['input_tokens', 'inputTokens'],
  ['output_tokens', 'outputTokens'],
  ['cached_input_tokens', 'cachedInputTokens'],
  ['cache_creation_input_tokens', 'cacheCreationInputTokens'],
  ['reasoning_tokens', 'reasoningTokens'],
  ['request_count', 'requestCount'],
  ['attempts', 'attempts'],
  ['unpriced_count', 'unpricedCount'],
] as const;

/** US dollars. Sums over what is priced; `unpriced_count` says what is missing. */
const AMOUNTS = [
  ['total_cost', 'totalCost'],
  ['market_cost', 'marketCost'],
  ['surcharge_cost', 'surchargeCost'],
  ['charge', 'charge'],
  ['margin', 'margin'],
] as const;

/** The body of `/v1/report`, rows in the store's order. */
export function toReportAnswer(rows: readonly ReportRow[], shape: AnswerShape): { results: AnswerRow[] } {
  return { results: rows.map((row) => toAnswerRow(row, shape)) };
}

function toAnswerRow(row: ReportRow, { exact, keys }: AnswerShape): AnswerRow {
  const answer: Record<string, string | number> = {};
  for (const [field, value] of Object.entries(row.group)) {
    // A key that was taken out of the configuration has no name any more, but what it spent is still shown.
    answer[field] = field === 'api_key_name' ? (keys.get(value)?.name ?? value) : value;
  }
  for (const [column, name] of AMOUNTS) answer[column] = amountToNumber(row[name]);
  for (const [column, name] of COUNTS) answer[column] = row[name];
  if (exact) for (const [column, name] of AMOUNTS) answer[`${column}_exact`] = formatAmount(row[name]);
  return answer;
}
