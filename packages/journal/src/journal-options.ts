import type { Logger } from '@meterstone/runtime';
import type { BuiltEvent } from './frame-writer.ts';

export interface JournalOptions {
  /** Of all journals; made if it does not exist. */
  readonly folder: string;
  /** Whose journal it is. */
  readonly instance: string;
  readonly pid: number;
  readonly topic: string;
  /** The topic's id on Kafka; `null`: Kafka has not told. It is kept for those who find the journal. */
  readonly topicId: string | null;
  /**
   * Notes are refused when the journal has this size. What attempts noted before then still need to end is written all
   * the same: at most a few kilobytes each.
   */
  readonly bytesMax: number;
  /** Bound of what is lost with the power of the host; requests wait for it. 0: nothing is flushed, nobody waits. */
  readonly fsyncMs: number;
  /** @default 8 MB */
  readonly segmentBytesMax?: number;
  readonly logger: Logger;
  readonly now: () => number;
  /** From [0, 1), for the name: a process id alone is used again. */
  readonly random: () => number;
}

/** An attempt that is noted and has not ended. */
export interface JournalEntry {
  readonly eventId: Uint8Array;
  /** The request's start, epoch milliseconds. */
  readonly startedAt: number;
}

export interface JournalStats {
  /** Attempts that could not be noted: the journal was full, or could not be written. */
  readonly unnoted: number;
  /** Events kept nowhere but in the producer's memory, for the same reasons. */
  readonly unkept: number;
  readonly failedWrites: number;
}

/** What a journal leaves to the next process. */
export interface JournalLeft {
  /** Attempts that had not ended. */
  readonly openNotes: number;
  /** Events that Kafka had not acknowledged. */
  readonly unsettled: number;
}

export interface EventsOfAttempt {
  /** 16 bytes. */
  readonly eventId: Uint8Array;
  readonly events: readonly BuiltEvent[];
}
