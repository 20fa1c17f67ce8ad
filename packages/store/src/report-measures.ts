import assert from 'node:assert/strict';
import { bucketColumn, type TokenBucket } from '@meterstone/metering';
import { ADDITIVE_COLUMNS } from './additive-columns.ts';

/** A number of a report row, under its name in TypeScript. */
export type CountMeasure =
  | 'requestCount'
  | 'attempts'
  | 'inputTokens'
  | 'outputTokens'
  | 'cachedInputTokens'
  | 'cacheCreationInputTokens'
  | 'reasoningTokens'
  | 'unpricedCount'
  | 'estimatedCount';
/** An amount of a report row, under its name in TypeScript. */
export type AmountMeasure = 'marketCost' | 'totalCost' | 'surchargeCost' | 'charge' | 'margin';

interface MeasureOf<Kind extends string, Name extends string> {
  readonly kind: Kind;
  readonly name: Name;
  /** Name in SQL. */
  readonly column: string;
  /** The sum over rows of a table that the query calls `t`. */
  readonly fromRaw: string;
  readonly fromRollup: string;
}

/** A column of sums in a report. */
export type Measure = MeasureOf<'count', CountMeasure> | MeasureOf<'amount', AmountMeasure>;

const INPUT: readonly TokenBucket[] = [
  'inputTokens',
  'inputAudioTokens',
  'inputImageTokens',
  'inputVideoTokens',
];
const OUTPUT: readonly TokenBucket[] = ['outputTokens', 'outputAudioTokens', 'outputImageTokens'];
const CACHE_READ: readonly TokenBucket[] = ['cacheReadTokens', 'cacheReadAudioTokens'];
const CACHE_WRITE: readonly TokenBucket[] = ['cacheWriteTokens', 'cacheWrite5mTokens', 'cacheWrite1hTokens'];

/**
 * The columns of every report, in the order in which the query gives them. Token columns are disjoint: each sums its
 * modalities or lifetimes, and every bucket is in exactly one of them.
 */
export const MEASURES: readonly Measure[] = [
  { kind: 'count', name: 'requestCount', column: 'request_count', ...sumsOf('operations') },
  { kind: 'count', name: 'attempts', column: 'attempts', ...sumsOf('attempts') },
  { kind: 'count', name: 'inputTokens', column: 'input_tokens', ...tokensOf(INPUT) },
  { kind: 'count', name: 'outputTokens', column: 'output_tokens', ...tokensOf(OUTPUT) },
  { kind: 'count', name: 'cachedInputTokens', column: 'cached_input_tokens', ...tokensOf(CACHE_READ) },
  {
    kind: 'count',
    name: 'cacheCreationInputTokens',
    column: 'cache_creation_input_tokens',
    ...tokensOf(CACHE_WRITE),
  },
  { kind: 'count', name: 'reasoningTokens', column: 'reasoning_tokens', ...tokensOf(['reasoningTokens']) },
  { kind: 'count', name: 'unpricedCount', column: 'unpriced_count', ...sumsOf('unpriced_count') },
  { kind: 'count', name: 'estimatedCount', column: 'estimated_count', ...sumsOf('estimated_count') },
  { kind: 'amount', name: 'marketCost', column: 'market_cost', ...sumsOf('market_cost') },
  { kind: 'amount', name: 'totalCost', column: 'total_cost', ...sumsOf('total_cost') },
  { kind: 'amount', name: 'surchargeCost', column: 'surcharge_cost', ...sumsOf('surcharge_cost') },
  { kind: 'amount', name: 'charge', column: 'charge', ...sumsOf('charge') },
  { kind: 'amount', name: 'margin', column: 'margin', ...sumsOf('margin') },
];

function sumsOf(name: string): { fromRaw: string; fromRollup: string } {
  const additive = ADDITIVE_COLUMNS.find((column) => column.name === name);
  assert(additive !== undefined, `no additive column is called ${name}`);
  return { fromRaw: additive.fromRaw('t'), fromRollup: `sum(t.${name})` };
}

/** Raw and rollups call the buckets alike. One sum over an addition is cheaper than a sum for each bucket. */
function tokensOf(buckets: readonly TokenBucket[]): { fromRaw: string; fromRollup: string } {
  const sum = `sum(${buckets.map((bucket) => `t.${bucketColumn(bucket)}`).join(' + ')})`;
  return { fromRaw: sum, fromRollup: sum };
}
