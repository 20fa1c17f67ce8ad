/**
 * The files of a journal.
 *
 *     journal/<instance>-<pid>-<random>/lock              held while the owner lives, empty
 *                                      /00000001.journal  segments, removed oldest first when all in them is settled
 *
 *     segment  MAGIC (8 bytes) frame*
 *     frame    UInt32LE payload bytes · UInt32LE CRC-32 of the payload · payload = record+
 *     record   UInt8 type · UInt32LE body bytes · body
 *       opened   JSON: whose journal this is; the first record of every segment
 *       noted    id (16) · event      the event that stands if nothing more becomes known of the attempt; a later
 *                                     note of the same id replaces it
 *       built    id (16) · ordinal (UInt48LE) · Kafka partition (UInt32LE) · key bytes (UInt16LE, 65535 = no key) ·
 *                key · event          an event of the attempt; the attempt needs its note no more
 *       settled  first · next (UInt48LE): ordinals that Kafka has acknowledged
 *       dropped  id (16): nothing of the attempt went upstream
 *
 * A frame that is cut off or does not match its checksum ends its segment. Events are in Avro single-object encoding.
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

export type JournalRecord =
  | { readonly type: 'opened'; readonly facts: OpenedFacts }
  | { readonly type: 'noted'; readonly eventId: Buffer; readonly value: Buffer }
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

export const MAGIC = Buffer.from('MSTJNL\x00\x01', 'latin1');
export const RECORD = { opened: 1, noted: 2, built: 3, settled: 4, dropped: 5 } as const;
export const FRAME_HEADER_BYTES = 8;
export const RECORD_HEADER_BYTES = 5;
export const ID_BYTES = 16;
export const ORDINAL_BYTES = 6;
export const NO_KEY = 0xffff;
/** A frame holds what one turn of the event loop wrote. A length beyond this is damage. */
export const FRAME_BYTES_MAX = 2_097_152;

export const LOCK_FILE = 'lock';
const SEGMENT_SUFFIX = '.journal';

export function segmentFile(number: number): string {
  return `${String(number).padStart(8, '0')}${SEGMENT_SUFFIX}`;
}

/** The number of a segment's file; `null` for any other file. */
export function segmentNumber(file: string): number | null {
  return /^\d{8}\.journal$/.test(file) ? Number(file.slice(0, 8)) : null;
}
