/**
 * One record as it stands on Kafka. Key and value are views, made each time that they are asked for, into the inflated
 * record batch, which a record keeps in memory whole (about 0.5 MB of ours): copy what outlives the range.
 */
export interface FetchedRecord {
  /** A safe integer: 2^53 records of one Kafka partition are out of reach. */
  readonly offset: number;
  /** Epoch milliseconds: the broker's clock on the topics of this product. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** A record and where its value stands: a view of each costs more than to read what it shows. */
export interface PlacedRecord extends FetchedRecord {
  /** Of its record batch. */
  readonly memory: Buffer;
  /** Where in `memory` its value begins, */
  readonly valueAt: number;
  /** and how long it is; negative = it has none. */
  readonly valueBytes: number;
}
