import { type Rating, TOKEN_BUCKETS, type UsageEvent } from '@meterstone/metering';
import type { BlockScope, RangeSums } from '@meterstone/store';

/** What the ledger and a verification need to know of a block, gathered row by row. */
export class BlockFacts {
  readonly #tokens = new Map(TOKEN_BUCKETS.map((bucket) => [bucket, 0n]));
  /** Sums since they were last carried into `#tokens`; safe integers. */
  readonly #recent = TOKEN_BUCKETS.map(() => 0);
  readonly #amounts = { marketCost: 0n, totalCost: 0n, surchargeCost: 0n, charge: 0n };
  readonly #orgIds = new Set<string>();
  readonly #quarters = new Set<number>();
  /** Greatest `ingestedAt` of the rows, epoch milliseconds; `null` = there is none. */
  ingestedAtMax: number | null = null;

  add(event: UsageEvent, rating: Rating): void {
    this.#addTokens(event);
    const amounts = this.#amounts;
    amounts.marketCost += rating.marketCost ?? 0n;
    amounts.totalCost += rating.totalCost ?? 0n;
    amounts.surchargeCost += rating.surchargeCost ?? 0n;
    amounts.charge += rating.charge ?? 0n;
    this.#orgIds.add(event.orgId);
    this.#quarters.add(Math.floor(event.occurredAt / QUARTER_MS));
    this.ingestedAtMax = Math.max(this.ingestedAtMax ?? event.ingestedAt, event.ingestedAt);
  }

  sums(): RangeSums {
    for (const index of TOKEN_BUCKETS.keys()) {
      this.#carry(index);
    }
    return {
      // Every bucket of the list is in the map from the beginning.
      tokens: Object.fromEntries(this.#tokens) as RangeSums['tokens'],
      amounts: { ...this.#amounts },
    };
  }

  scope(): BlockScope {
    return {
      orgIds: [...this.#orgIds],
      quarters: [...this.#quarters].map((quarter) => quarter * QUARTER_MS),
    };
  }

  #addTokens(event: UsageEvent): void {
    const recent = this.#recent;
    for (let index = 0; index < TOKEN_BUCKETS.length; index++) {
      const bucket = TOKEN_BUCKETS[index];
      const count = bucket === undefined ? 0 : event[bucket];
      if (count === 0) {
        continue;
      }
      const sum = (recent[index] ?? 0) + count;
      if (Number.isSafeInteger(sum)) {
        recent[index] = sum;
      } else {
        this.#carry(index);
        recent[index] = count;
      }
    }
  }

  #carry(index: number): void {
    const bucket = TOKEN_BUCKETS[index];
    if (bucket !== undefined) {
      this.#tokens.set(bucket, (this.#tokens.get(bucket) ?? 0n) + BigInt(this.#recent[index] ?? 0));
      this.#recent[index] = 0;
    }
  }
}

/** Every rollup's period begins at a whole one. */
const QUARTER_MS = 900_000;
