import { parseDecimal, scaleExactly } from './decimal.ts';
import { MeteringError } from './errors.ts';
import { parseAmount } from './money.ts';

/** Decimals of a multiplier. */
const MULTIPLIER_DECIMALS = 12;

/** One span of a cost-plus plan: charge = multiplier × list cost + markup × tokens + fee. */
export interface RatePlanVersion {
  /** `starter@2026-01-01`: stored on every row it charged. */
  readonly version: string;
  /** Epoch milliseconds; in force until the next version begins. */
  readonly from: number;
  /** In units of 1e-12: 1.2 is 1,200,000,000,000. 0 = list cost does not count. */
  readonly multiplier: bigint;
  /** Picodollars per million tokens of any bucket. */
  readonly markupPerMillionTokens: bigint;
  /** Picodollars per request. */
  readonly feePerRequest: bigint;
}

/** A plan with all its versions, ascending by `from`. */
export interface RatePlan {
  readonly name: string;
  readonly versions: readonly RatePlanVersion[];
}

/** One version as an operator writes it: decimal texts, `from` in epoch milliseconds. */
export interface RatePlanVersionText {
  readonly from: number;
  readonly multiplier: string;
  readonly markupPerMillionTokens: string;
  readonly feePerRequest: string;
}

/**
 * Reads a plan. Throws `invalid_rate_plan` without versions or with two of one `from`, `invalid_multiplier` and
 * `invalid_amount` for texts that are no decimals, too precise or negative.
 */
export function readRatePlan(name: string, texts: readonly RatePlanVersionText[]): RatePlan {
  const versions = texts.map((text) => readVersion(name, text)).sort((a, b) => a.from - b.from);
  const starts = new Set(versions.map((version) => version.from));
  if (versions.length === 0 || starts.size !== versions.length) {
    throw new MeteringError('invalid_rate_plan', 'a plan needs versions with different starts', {
      retryable: false,
    });
  }
  return { name, versions };
}

/** The version in force at `occurredAt`, or `null` before the first. */
export function planVersionAt(plan: RatePlan, occurredAt: number): RatePlanVersion | null {
  let found: RatePlanVersion | null = null;
  for (const version of plan.versions) {
    if (version.from > occurredAt) break;
    found = version;
  }
  return found;
}

function readVersion(name: string, text: RatePlanVersionText): RatePlanVersion {
  return {
    version: `${name}@${startText(text.from)}`,
    from: text.from,
    multiplier: readMultiplier(text.multiplier),
    markupPerMillionTokens: readFee(text.markupPerMillionTokens),
    feePerRequest: readFee(text.feePerRequest),
  };
}

function startText(from: number): string {
  if (!Number.isSafeInteger(from) || Math.abs(from) > 8.64e15) {
    throw new MeteringError('invalid_rate_plan', 'a version starts at an instant in milliseconds', {
      retryable: false,
    });
  }
  return new Date(from).toISOString().replace('T00:00:00.000Z', '');
}

function readMultiplier(text: string): bigint {
  const decimal = parseDecimal(text);
  const multiplier = decimal === null ? null : scaleExactly(decimal, MULTIPLIER_DECIMALS);
  if (multiplier === null || multiplier < 0n) {
    throw new MeteringError('invalid_multiplier', 'not a multiplier with at most 12 decimals', {
      retryable: false,
    });
  }
  return multiplier;
}

function readFee(text: string): bigint {
  const amount = parseAmount(text);
  if (amount < 0n) throw new MeteringError('invalid_amount', 'a fee is not negative', { retryable: false });
  return amount;
}
