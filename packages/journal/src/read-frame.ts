import { crc32 } from 'node:zlib';
import {
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES,
  ID_BYTES,
  type JournalRecord,
  NO_KEY,
  type OpenedFacts,
  ORDINAL_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
} from './journal-format.ts';

/** `incomplete`: the bytes end before the frame does. `damaged`: they are no frame. */
export type FrameResult =
  | { readonly kind: 'frame'; readonly records: readonly JournalRecord[]; readonly next: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'damaged' };

/**
 * Reads the frame at `position` of the segment of that number, or of 0 for one of the first version. Never throws,
 * whatever the bytes. Records are views into `bytes`.
 */
export function readFrame(bytes: Buffer, position: number, segment: number): FrameResult {
  const start = position + FRAME_HEADER_BYTES;
  if (start > bytes.length) {
    return INCOMPLETE;
  }
  const length = bytes.readUInt32LE(position);
  if (length === 0 || length > FRAME_BYTES_MAX) {
    return DAMAGED;
  }
  const next = start + length;
  if (next > bytes.length) {
    return INCOMPLETE;
  }
  const payload = bytes.subarray(start, next);
  if (crc32(payload, segment) !== bytes.readUInt32LE(position + 4)) {
    return DAMAGED;
  }
  const records = readRecords(payload);
  return records === null ? DAMAGED : { kind: 'frame', records, next };
}

const INCOMPLETE: FrameResult = { kind: 'incomplete' };
const DAMAGED: FrameResult = { kind: 'damaged' };

function readRecords(payload: Buffer): JournalRecord[] | null {
  const records: JournalRecord[] = [];
  for (let position = 0; position < payload.length; ) {
    const start = position + RECORD_HEADER_BYTES;
    if (start > payload.length) {
      return null;
    }
    const end = start + payload.readUInt32LE(position + 1);
    if (end > payload.length) {
      return null;
    }
    const record = readRecord(payload[position] ?? 0, payload.subarray(start, end));
    if (record === null) {
      return null;
    }
    records.push(record);
    position = end;
  }
  return records;
}

function readRecord(type: number, body: Buffer): JournalRecord | null {
  if (type === RECORD.opened) {
    return readOpened(body);
  }
  if (type === RECORD.settled) {
    return body.length === 2 * ORDINAL_BYTES
      ? {
          type: 'settled',
          first: body.readUIntLE(0, ORDINAL_BYTES),
          next: body.readUIntLE(ORDINAL_BYTES, ORDINAL_BYTES),
        }
      : null;
  }
  if (body.length < ID_BYTES) {
    return null;
  }
  const eventId = body.subarray(0, ID_BYTES);
  switch (type) {
    case RECORD.noted:
      return { type: 'noted', eventId, isBrief: false, value: body.subarray(ID_BYTES) };
    case RECORD.brief:
      return { type: 'noted', eventId, isBrief: true, value: body.subarray(ID_BYTES) };
    case RECORD.dropped:
      return { type: 'dropped', eventId };
    case RECORD.built:
      return readBuilt(eventId, body);
    default:
      return null;
  }
}

function readBuilt(eventId: Buffer, body: Buffer): JournalRecord | null {
  const kafkaPartitionAt = ID_BYTES + ORDINAL_BYTES;
  const keyAt = kafkaPartitionAt + 6;
  if (body.length < keyAt) {
    return null;
  }
  const keyBytes = body.readUInt16LE(kafkaPartitionAt + 4);
  const valueAt = keyBytes === NO_KEY ? keyAt : keyAt + keyBytes;
  if (valueAt > body.length) {
    return null;
  }
  return {
    type: 'built',
    eventId,
    ordinal: body.readUIntLE(ID_BYTES, ORDINAL_BYTES),
    kafkaPartition: body.readUInt32LE(kafkaPartitionAt),
    key: keyBytes === NO_KEY ? null : body.toString('utf8', keyAt, valueAt),
    value: body.subarray(valueAt),
  };
}

function readOpened(body: Buffer): JournalRecord | null {
  try {
    // Written by this package, and the checksum of the frame matched.
    const facts = JSON.parse(body.toString('utf8')) as OpenedFacts;
    // Journals of before it was noted have none.
    const topicId = typeof facts.topicId === 'string' ? facts.topicId : null;
    return { type: 'opened', facts: { ...facts, topicId } };
  } catch {
    return null;
  }
}
