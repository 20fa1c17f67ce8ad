import type { KafkaClient } from './client.ts';

export interface BatchProducerOptions {
  readonly kafka: KafkaClient;
  readonly topic: string;
  /** Of the topic. Batches go to 0…n−1 in turn. */
  readonly kafkaPartitions: number;
  /** How long the first record of a batch waits for others. @default 25 */
  readonly lingerMs?: number;
  /** A batch is sent at this size, before compression; the broker refuses 1 MB. @default 512 kB */
  readonly batchBytesMax?: number;
  /** Records accepted and not yet acknowledged; beyond it `enqueue` refuses. @default 64 MB */
  readonly pendingBytesMax?: number;
  /** Smaller batches travel uncompressed: zstd costs 40 µs however little there is. @default 8 kB */
  readonly compressBytesMin?: number;
  /** Called once when the bound is reached, and again only after records were accepted in between. */
  readonly onBoundReached?: () => void;
  /**
   * Awaited before a batch's bytes leave, each time they do, and never inside of a call of this interface: who keeps
   * records on disk writes them at the latest here. A failure counts as a failed send.
   */
  readonly beforeSend?: () => void | Promise<void>;
  /** Called when Kafka has acknowledged a batch of placed records; batches of other Kafka partitions may be late. */
  readonly onAcknowledged?: (ordinals: OrdinalRange) => void;
}

/** Consecutive numbers of placed records, half-open. */
export interface OrdinalRange {
  readonly first: number;
  readonly next: number;
}

export interface KeyedValue {
  readonly key: string | null;
  readonly value: Uint8Array;
}

/** Plain counters of one batch producer, to be read at any time. Records unless they say otherwise. */
export interface BatchProducerStats {
  readonly enqueued: number;
  readonly acknowledged: number;
  /** `enqueue` calls answered with false. */
  readonly refused: number;
  /** Accepted and not yet acknowledged. */
  readonly pending: number;
  /** Of the pending, as they stand in a batch before compression. */
  readonly pendingBytes: number;
  readonly acknowledgedBatches: number;
  /** As sent: compressed, with the header of the batch, without repeats. */
  readonly acknowledgedBytes: number;
  /** Sends that failed and were, or will be, repeated with the same bytes to the same Kafka partition. */
  readonly failedSends: number;
  /** Since when no send has succeeded although one failed, epoch milliseconds; `null` = all is well. */
  readonly failingSinceMs: number | null;
}

export interface BatchProducer {
  /**
   * Takes a record in, copying its value, and never blocks. False: the bound is reached or the producer is
   * closing; the record was not taken. Throws KafkaError `record_too_large` for one that fits in no batch.
   */
  enqueue(record: KeyedValue): boolean;
  /**
   * Takes a record in as `enqueue` does, and answers with the Kafka partition that it goes to, whatever happens:
   * that of the open batch. −1: not taken. `ordinal` is the caller's own number of the record, by which
   * `onAcknowledged` names it; a batch holds consecutive ones only.
   */
  place(record: KeyedValue & { readonly ordinal: number }): number;
  /**
   * Sends a batch to a Kafka partition that was fixed earlier, behind all that already waits for it, without regard to
   * the bound on pending bytes. Resolves when it is acknowledged. KafkaError `record_too_large` (the records do not fit
   * in one batch together) or `produce_failed` (the producer was closed first).
   */
  sendBatch(batch: {
    readonly kafkaPartition: number;
    readonly records: readonly KeyedValue[];
  }): Promise<void>;
  /** Records of at most these bytes together, keys and values, fit in one batch. */
  batchFits(records: number, bytes: number): boolean;
  /** Sends what is pending without waiting for the linger; resolves when all of it is acknowledged. */
  flush(): Promise<void>;
  /**
   * Refuses further records, waits up to `timeoutMs` for what is pending and disconnects. Resolves with the
   * number of records that were not acknowledged and are lost with this process: 0 is a clean end.
   */
  close(timeoutMs: number): Promise<{ readonly unsent: number }>;
  readonly pendingBytes: number;
  readonly stats: BatchProducerStats;
}
