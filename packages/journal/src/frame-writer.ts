import { crc32 } from 'node:zlib';
import { encodeUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';
import { BriefNoteWriter } from './brief-note.ts';
import {
  END_BYTES,
  FRAME_HEADER_BYTES,
  ID_BYTES,
  NO_KEY,
  type OpenedFacts,
  ORDINAL_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
} from './journal-format.ts';

/** An event ready for Kafka, as the journal keeps it. */
export interface BuiltEvent {
  /** Number within the journal, rising by one. */
  readonly ordinal: number;
  /** Where it goes, now and whenever it is sent again. */
  readonly kafkaPartition: number;
  readonly key: string | null;
  readonly value: Uint8Array;
}

/**
 * Gathers the records of one turn of the event loop into one frame, so that they take one checksum and one write, and
 * are torn together or not at all.
 */
export class FrameWriter {
  /** The frame, and room for the end behind it. */
  readonly #whole: Buffer;
  readonly #buffer: Buffer;
  readonly #briefNotes: BriefNoteWriter;
  #position = FRAME_HEADER_BYTES;

  constructor(frameBytesMax: number) {
    this.#whole = Buffer.allocUnsafeSlow(frameBytesMax + END_BYTES);
    this.#buffer = this.#whole.subarray(0, frameBytesMax);
    this.#briefNotes = new BriefNoteWriter(this.#buffer);
  }

  get isEmpty(): boolean {
    return this.#position === FRAME_HEADER_BYTES;
  }

  get bytes(): number {
    return this.#position;
  }

  fits(bytes: number): boolean {
    return this.#position + bytes <= this.#buffer.length;
  }

  opened(facts: OpenedFacts): void {
    const start = this.#position;
    const body = Buffer.from(JSON.stringify(facts));
    this.#buffer.set(body, start + RECORD_HEADER_BYTES);
    this.#end(start, RECORD.opened, start + RECORD_HEADER_BYTES + body.length);
  }

  /** What stands for an attempt until more is known of it. `false`: it does not fit; nothing was written. */
  noted(event: UsageEvent): boolean {
    const start = this.#position;
    if (!this.fits(RECORD_HEADER_BYTES + ID_BYTES)) {
      return false;
    }
    const noteAt = this.#id(event.eventId, start + RECORD_HEADER_BYTES);
    const briefEnd = this.#briefNotes.write(event, noteAt);
    if (briefEnd >= 0) {
      this.#end(start, RECORD.brief, briefEnd);
      return true;
    }
    const end = encodeUsageEvent(event, this.#buffer, noteAt);
    if (end < 0) {
      return false;
    }
    this.#end(start, RECORD.noted, end);
    return true;
  }

  /** The caller has seen that {@link builtBytes} fit. */
  built(eventId: Uint8Array, { ordinal, kafkaPartition, key, value }: BuiltEvent): void {
    const buffer = this.#buffer;
    const start = this.#position;
    let position = this.#id(eventId, start + RECORD_HEADER_BYTES);
    position = buffer.writeUIntLE(ordinal, position, ORDINAL_BYTES);
    position = buffer.writeUInt32LE(kafkaPartition, position);
    const keyAt = position + 2;
    const keyBytes = key === null ? 0 : buffer.write(key, keyAt);
    buffer.writeUInt16LE(key === null ? NO_KEY : keyBytes, position);
    buffer.set(value, keyAt + keyBytes);
    this.#end(start, RECORD.built, keyAt + keyBytes + value.length);
  }

  settled({ first, next }: { readonly first: number; readonly next: number }): void {
    const start = this.#position;
    const position = this.#buffer.writeUIntLE(first, start + RECORD_HEADER_BYTES, ORDINAL_BYTES);
    this.#end(start, RECORD.settled, this.#buffer.writeUIntLE(next, position, ORDINAL_BYTES));
  }

  dropped(eventId: Uint8Array): void {
    const start = this.#position;
    this.#end(start, RECORD.dropped, this.#id(eventId, start + RECORD_HEADER_BYTES));
  }

  /**
   * The finished frame, for the segment of that number, and the segment's end behind it; it is overwritten by what comes
   * after {@link clear}.
   */
  seal(segment: number): Buffer {
    const payload = this.#buffer.subarray(FRAME_HEADER_BYTES, this.#position);
    this.#buffer.writeUInt32LE(payload.length, 0);
    this.#buffer.writeUInt32LE(crc32(payload, segment), 4);
    const end = this.#position + END_BYTES;
    this.#whole.fill(0, this.#position, end);
    return this.#whole.subarray(0, end);
  }

  clear(): void {
    this.#position = FRAME_HEADER_BYTES;
  }

  /** Byte by byte: a native copy of so few costs more. */
  #id(eventId: Uint8Array, position: number): number {
    for (let index = 0; index < ID_BYTES; index++) {
      this.#buffer[position + index] = eventId[index] ?? 0;
    }
    return position + ID_BYTES;
  }

  #end(start: number, type: number, end: number): void {
    this.#buffer[start] = type;
    this.#buffer.writeUInt32LE(end - start - RECORD_HEADER_BYTES, start + 1);
    this.#position = end;
  }
}

/** The most bytes that a built record takes. */
export function builtBytes({ key, value }: Pick<BuiltEvent, 'key' | 'value'>): number {
  const keyBytesMax = key === null ? 0 : key.length * 3;
  return RECORD_HEADER_BYTES + ID_BYTES + ORDINAL_BYTES + 6 + keyBytesMax + value.length;
}
