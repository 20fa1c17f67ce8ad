import type { TokenBucket } from '@meterstone/metering';
import type { LEDGER_AMOUNTS } from './ledger-table.ts';

/** Sums over the rows that a range stored. */
export interface RangeSums {
  readonly tokens: Readonly<Record<TokenBucket, bigint>>;
  /** Picodollars; unpriced amounts are left out. */
  readonly amounts: Readonly<Record<keyof typeof LEDGER_AMOUNTS, bigint>>;
}

/** A record of Kafka, so that it can be told from another one at the same offset. */
export interface RecordMark {
  readonly offset: number;
  /** Of the record's value. */
  readonly checksum: string;
}

/** What the ledger says of one stored range. */
export interface LedgerRange {
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly firstOffset: number;
  /** First offset behind the range; ranges tile their Kafka partition. */
  readonly nextOffset: number;
  /** Under which the block was inserted. */
  readonly token: string;
  /** Terms under which it was rated. */
  readonly epoch: string;
  /** Version of a block's layout in bytes. */
  readonly rowLayout: number;
  /** Of the block's bytes. */
  readonly checksum: string;
  /** The last record of the range; absent or `null` = nothing is known of it (the range had none). */
  readonly lastRecord?: RecordMark | null;
  /** `records` = `stored` + `duplicates` + `deadLetters`; offsets may have gaps, so it can be less than the range's length. */
  readonly records: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Greatest `ingestedAt` of the stored rows, epoch milliseconds; `null` = none was stored. */
  readonly ingestedAtMax: number | null;
  readonly sums: RangeSums;
}
