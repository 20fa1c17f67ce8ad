import type { UsageEvent } from '@meterstone/metering';
import { LAYOUT_FINGERPRINT } from './event-layout.ts';
import { SINGLE_OBJECT_HEADER_BYTES, singleObjectHeader } from './framing.ts';
import { readEventFields } from './read-event-fields.ts';
import { RecordReader } from './record-reader.ts';
import { writeEventFields } from './write-event-fields.ts';

/** An event read by position. */
export interface PlainEvent {
  readonly event: UsageEvent;
  /** The bytes are those that the event would be written as. May be `false` though they are. */
  readonly isCanonical: boolean;
  /** Where its fields stand, but for `sourceRef` and `ingestedAt`: start, end, start, end. */
  readonly content: readonly number[];
}

/**
 * Writes an event by position, as avsc writes it: the next position, or -1 where only avsc can tell (it does not fit, or
 * is not what its type says).
 */
export function writePlainEvent(event: UsageEvent, slab: Buffer, position: number): number {
  const start = position + SINGLE_OBJECT_HEADER_BYTES;
  const end = writeEventFields(event, slab, start);
  if (end >= 0) {
    for (let index = 0; index < SINGLE_OBJECT_HEADER_BYTES; index++) {
      slab[position + index] = HEADER[index] ?? 0;
    }
  }
  return end;
}

/** Reads an event by position; `null` where only avsc can tell: it may well be an event all the same. */
export function readPlainEvent(bytes: Buffer): PlainEvent | null {
  for (let index = 0; index < SINGLE_OBJECT_HEADER_BYTES; index++) {
    if (bytes[index] !== HEADER[index]) {
      return null;
    }
  }
  try {
    const read = new RecordReader(bytes, SINGLE_OBJECT_HEADER_BYTES);
    const event = readEventFields(read);
    if (read.isUnusual || read.position !== bytes.length) {
      return null;
    }
    const content = [SINGLE_OBJECT_HEADER_BYTES, ...read.apart, bytes.length];
    return { event, isCanonical: read.isCanonical, content };
  } catch {
    return null;
  }
}

const HEADER = singleObjectHeader(LAYOUT_FINGERPRINT);
