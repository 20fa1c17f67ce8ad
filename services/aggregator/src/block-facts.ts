import { type Rating, type SmallAmounts, TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';
import type { BlockScope, RangeSums } from '@meterstone/store';

/** When a row occurred and was built, epoch milliseconds. */
export type RowTimes = Pick<UsageEvent, 'occurredAt' | 'ingestedAt'>;

/** What the ledger and a verification need to know of a block, gathered row by row: every row pays for it. */
export class BlockFacts {
  readonly #sums = new ExactSums(TOKEN_BUCKETS.length + AMOUNTS);
  readonly #orgIds = new Set<string>();
  readonly #quarters = new Set<number>();
  #lastQuarter = Number.NaN;
  /** Greatest `ingestedAt` of the rows, epoch milliseconds; `null` = there is none. */
  ingestedAtMax: number | null = null;

  add(event: UsageEvent, rating: Rating): void {
    addTokens(this.#sums, event);
    addAmounts(this.#sums, rating);
    this.addOrg(event.orgId);
    this.#touch(event);
  }

  /** Notes an org of which there are rows. */
  addOrg(orgId: string): void {
    this.#orgIds.add(orgId);
  }

  /**
   * As {@link add}, of an org that is noted: `counts` in the order of `TOKEN_BUCKETS`, amounts as `rateByTariff` gives them.
   */
  addSmall(times: RowTimes, counts: Float64Array, amounts: SmallAmounts): void {
    const sums = this.#sums;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = counts[bucket] ?? 0;
      if (count !== 0) {
        sums.add(bucket, count);
      }
    }
    sums.addSmall(BUCKETS, amounts.marketCost);
    sums.addSmall(BUCKETS + 1, amounts.totalCost);
    sums.addSmall(BUCKETS + 2, amounts.surchargeCost);
    sums.addSmall(BUCKETS + 3, amounts.charge);
    this.#touch(times);
  }

  #touch({ occurredAt, ingestedAt }: RowTimes): void {
    const quarter = Math.floor(occurredAt / QUARTER_MS);
    // Neighbours are mostly of one time.
    if (quarter !== this.#lastQuarter) {
      this.#lastQuarter = quarter;
      this.#quarters.add(quarter);
    }
    if (this.ingestedAtMax === null || ingestedAt > this.ingestedAtMax) {
      this.ingestedAtMax = ingestedAt;
    }
  }

  sums(): RangeSums {
    const [marketCost = 0n, totalCost = 0n, surchargeCost = 0n, charge = 0n] = this.#sums.from(
      TOKEN_BUCKETS.length,
    );
    const tokens = this.#sums.from(0);
    return {
      // One entry for each bucket of the list, in its order.
      tokens: Object.fromEntries(
        TOKEN_BUCKETS.map((bucket, index) => [bucket, tokens[index] ?? 0n]),
      ) as RangeSums['tokens'],
      amounts: { marketCost, totalCost, surchargeCost, charge },
    };
  }

  scope(): BlockScope {
    return {
      orgIds: [...this.#orgIds],
      quarters: [...this.#quarters].map((quarter) => quarter * QUARTER_MS),
    };
  }
}

/** Every rollup's period begins at a whole one. */
const QUARTER_MS = 900_000;
const AMOUNTS = 4;
const BUCKETS = TOKEN_BUCKETS.length;

/** Sums of integers, exact however large, and cheap while they are small. */
class ExactSums {
  readonly #large: bigint[];
  /** What is not carried into `#large` yet: safe integers. */
  readonly #small: number[];

  constructor(count: number) {
    this.#large = Array.from({ length: count }, () => 0n);
    this.#small = Array.from({ length: count }, () => 0);
  }

  add(index: number, count: number): void {
    const sum = (this.#small[index] ?? 0) + count;
    if (Number.isSafeInteger(sum)) {
      this.#small[index] = sum;
      return;
    }
    this.#large[index] = (this.#large[index] ?? 0n) + BigInt(this.#small[index] ?? 0);
    this.#small[index] = count;
  }

  /** −1 = there is none. */
  addSmall(index: number, amount: number): void {
    if (amount > 0) {
      this.add(index, amount);
    }
  }

  addLarge(index: number, amount: bigint): void {
    const small = Number(amount);
    if (Number.isSafeInteger(small)) {
      this.add(index, small);
    } else {
      this.#large[index] = (this.#large[index] ?? 0n) + amount;
    }
  }

  from(index: number): bigint[] {
    return this.#large.slice(index).map((sum, place) => sum + BigInt(this.#small[index + place] ?? 0));
  }
}

/** In the order of `TOKEN_BUCKETS`; by name, since a loop over names costs as much as all the rest. */
function addTokens(sums: ExactSums, event: UsageEvent): void {
  sums.add(0, event.inputTokens);
  sums.add(1, event.inputAudioTokens);
  sums.add(2, event.inputImageTokens);
  sums.add(3, event.inputVideoTokens);
  sums.add(4, event.cacheReadTokens);
  sums.add(5, event.cacheReadAudioTokens);
  sums.add(6, event.cacheWriteTokens);
  sums.add(7, event.cacheWrite5mTokens);
  sums.add(8, event.cacheWrite1hTokens);
  sums.add(9, event.outputTokens);
  sums.add(10, event.reasoningTokens);
  sums.add(11, event.outputAudioTokens);
  sums.add(12, event.outputImageTokens);
}

function addAmounts(sums: ExactSums, { marketCost, totalCost, surchargeCost, charge }: Rating): void {
  const first = TOKEN_BUCKETS.length;
  if (marketCost !== null) {
    sums.addLarge(first, marketCost);
  }
  if (totalCost !== null) {
    sums.addLarge(first + 1, totalCost);
  }
  if (surchargeCost !== null) {
    sums.addLarge(first + 2, surchargeCost);
  }
  if (charge !== null) {
    sums.addLarge(first + 3, charge);
  }
}
