import type { NotedRecord, OpenedFacts } from './journal-format.ts';
import { OrdinalSet } from './ordinal-set.ts';
import { listSegments, SegmentReader } from './segment-reader.ts';

/** What a journal holds, as far as it can be read. */
export interface JournalScan {
  /** Of its oldest segment; `null`: nothing readable was written. */
  readonly opened: OpenedFacts | null;
  readonly segments: number;
  readonly lastSegment: number;
  readonly bytes: number;
  /** Attempts without an event: the note of each, by id, oldest first. */
  readonly openNotes: ReadonlyMap<string, NotedRecord>;
  readonly built: number;
  /** Events that Kafka has not acknowledged, as far as the journal knows. */
  readonly unsettled: number;
  readonly settled: OrdinalSet;
  readonly nextOrdinal: number;
  /** Bytes behind the last whole frame of each segment, all together. */
  readonly tornBytes: number;
}

/**
 * Reads a journal once. Memory holds the notes of attempts that had not ended, which are as many as requests were in
 * flight. JournalError `unknown_format`.
 */
export async function scanJournal(path: string): Promise<JournalScan> {
  const scan = {
    opened: null as OpenedFacts | null,
    segments: 0,
    lastSegment: 0,
    bytes: 0,
    openNotes: new Map<string, NotedRecord>(),
    built: 0,
    unsettled: 0,
    settled: new OrdinalSet(),
    nextOrdinal: 0,
    tornBytes: 0,
  };
  const built = new OrdinalSet();
  for (const segment of await listSegments(path)) {
    const reader = await SegmentReader.open(segment);
    scan.segments += 1;
    scan.lastSegment = segment.number;
    for (let records = await reader.next(); records !== null; records = await reader.next()) {
      for (const record of records) {
        switch (record.type) {
          case 'opened':
            scan.opened ??= record.facts;
            break;
          case 'noted':
            scan.openNotes.set(idKey(record.eventId), copyOf(record));
            break;
          case 'dropped':
            scan.openNotes.delete(idKey(record.eventId));
            break;
          case 'built':
            scan.openNotes.delete(idKey(record.eventId));
            built.add(record.ordinal, record.ordinal + 1);
            scan.built += 1;
            scan.nextOrdinal = Math.max(scan.nextOrdinal, record.ordinal + 1);
            break;
          case 'settled':
            scan.settled.add(record.first, record.next);
            scan.nextOrdinal = Math.max(scan.nextOrdinal, record.next);
            break;
        }
      }
    }
    const tornBytes = await reader.tornBytes();
    scan.tornBytes += tornBytes;
    scan.bytes += reader.position + tornBytes;
    await reader.close();
  }
  scan.unsettled = scan.built - overlap(built, scan.settled);
  return scan;
}

/** The record is a view into a buffer that holds much more. */
function copyOf(record: NotedRecord): NotedRecord {
  return { ...record, eventId: Buffer.from(record.eventId), value: Buffer.from(record.value) };
}

/** Ids as keys of a map: their bytes, one a character. */
function idKey(eventId: Buffer): string {
  return eventId.toString('latin1');
}

function overlap(some: OrdinalSet, others: OrdinalSet): number {
  let count = 0;
  let index = 0;
  for (const { first, next } of some.ranges) {
    for (let other = others.ranges[index]; other !== undefined && other.first < next; ) {
      count += Math.max(0, Math.min(next, other.next) - Math.max(first, other.first));
      if (other.next > next) {
        break;
      }
      index += 1;
      other = others.ranges[index];
    }
  }
  return count;
}
