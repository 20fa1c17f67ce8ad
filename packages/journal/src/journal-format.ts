/**
 * The files of a journal.
 *
 *     journal/<instance>-<pid>-<random>/lock              held while the owner lives, empty
 *                                      /00000001.journal  segments, taken away oldest first when all in them is settled
 *                                      /spare             a segment that was taken away; the next one is written over it
 *
 *     segment  MAGIC (8 bytes) frame* end
 *     frame    UInt32LE payload bytes · UInt32LE CRC-32 of the payload, begun with the segment's number · payload = record+
 *     end      8 zero bytes, which the next frame is written over; behind them may stand what the file was before
 *     record   UInt8 type · UInt32LE body bytes · body
 *       opened   JSON: whose journal this is; the first record of every segment
 *       noted    id (16) · event      the event that stands if nothing more becomes known of the attempt; a later
 *                                     note of the same id replaces it
 *       brief    id (16) · note       the same for an event that says little, as most do: see `brief-note.ts`
 *       built    id (16) · ordinal (UInt48LE) · Kafka partition (UInt32LE) · key bytes (UInt16LE, 65535 = no key) ·
 *                key · event          an event of the attempt; the attempt needs its note no more
 *       settled  first · next (UInt48LE): ordinals that Kafka has acknowledged
 *       dropped  id (16): nothing of the attempt went upstream
 *
 * A frame that is cut off or does not match its checksum ends its segment: so does one of an earlier life of the file,
 * as a checksum that was begun with another number never matches. Events are in Avro single-object encoding.
 * Segments of the first version, which are still read, have no end but that of the file, no brief notes, and checksums
 * that begin with 0.
 */

/** Whose journal it is, for those who find it. */
export interface OpenedFacts {
  readonly instance: string;
  readonly pid: number;
  /** When the segment was begun, epoch milliseconds. */
  readonly openedAt: number;
  readonly topic: string;
  /**
   * Which incarnation of the topic, by the id that Kafka gave it (32 hex digits): a topic deleted and made again has
   * another one. `null`: Kafka had not told when the journal was opened.
   */
  readonly topicId: string | null;
}

/** What stands for an attempt until more is known of it: see `readNote`. */
export interface NotedRecord {
  readonly type: 'noted';
  readonly eventId: Buffer;
  /** Whether `value` is a brief note, or a whole event. */
  readonly isBrief: boolean;
  readonly value: Buffer;
}

export type JournalRecord =
  | { readonly type: 'opened'; readonly facts: OpenedFacts }
  | NotedRecord
  | {
      readonly type: 'built';
      readonly eventId: Buffer;
      readonly ordinal: number;
      readonly kafkaPartition: number;
      readonly key: string | null;
      readonly value: Buffer;
    }
  | { readonly type: 'settled'; readonly first: number; readonly next: number }
  | { readonly type: 'dropped'; readonly eventId: Buffer };

export const MAGIC = Buffer.from('MSTJNL\x00\x02', 'latin1');
export const MAGIC_OF_VERSION_1 = Buffer.from('MSTJNL\x00\x01', 'latin1');
export const RECORD = { opened: 1, noted: 2, built: 3, settled: 4, dropped: 5, brief: 6 } as const;
export const FRAME_HEADER_BYTES = 8;
/** Zeros behind the last frame of a segment. */
export const END_BYTES = 8;
export const RECORD_HEADER_BYTES = 5;
export const ID_BYTES = 16;
export const ORDINAL_BYTES = 6;
export const NO_KEY = 0xffff;
/** A frame holds what one turn of the event loop wrote. A length beyond this is damage. */
export const FRAME_BYTES_MAX = 2_097_152;

export const LOCK_FILE = 'lock';
export const SPARE_FILE = 'spare';
const SEGMENT_SUFFIX = '.journal';

export function segmentFile(number: number): string {
  return `${String(number).padStart(8, '0')}${SEGMENT_SUFFIX}`;
}

/** The number of a segment's file; `null` for any other file. */
export function segmentNumber(file: string): number | null {
  return /^\d{8}\.journal$/.test(file) ? Number(file.slice(0, 8)) : null;
}
