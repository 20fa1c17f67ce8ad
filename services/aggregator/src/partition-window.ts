import type { FetchedRecord, RecordList } from '@meterstone/kafka';
import { DuplicateWindow, WINDOW_OFFSETS_MAX } from './deduplicate.ts';
import { IdentityReader } from './fast-lane/identity-reader.ts';

/** Reads the records of one Kafka partition in `[from, to)`; what the log no longer holds is left out. */
export type ReadRecords = (kafkaPartition: number, from: number, to: number) => Promise<RecordList>;

/** The window of one Kafka partition, and up to where it is filled. */
export interface PartitionWindow {
  readonly window: DuplicateWindow;
  readonly kafkaPartition: number;
  /** Everything below stands in the window, as far as its length reaches. */
  filledTo: number;
  /** From this offset on to `filledTo`, no record is missing; `null` = none has been read. */
  knownFrom: number | null;
  /** Offsets and timestamps of some of its records, by rising offset. */
  readonly marks: TimeMark[];
}

/** When a record was appended to the log, by the broker's clock, epoch milliseconds. */
interface TimeMark {
  readonly kafkaOffset: number;
  readonly timestampMs: number;
}

/** What a window can say of what is not in it. */
export interface WindowEdge {
  /** No record stands below the window: what is not in it is nowhere at a smaller offset. */
  readonly isWhole: boolean;
  /** Every record below the window was appended before this, epoch milliseconds; `null` = it is not known. */
  readonly timestampMs: number | null;
}

/** Offsets read at a time while a window is filled: bounds memory, and lets the process do other work in between. */
const FILL_OFFSETS = 20_000;

/** A window that nothing is known of yet: all that matters of it will be read before its first range. */
export function emptyWindow(kafkaPartition: number): PartitionWindow {
  return { window: new DuplicateWindow(), kafkaPartition, filledTo: 0, knownFrom: null, marks: [] };
}

/**
 * Brings a window to the state that deciding the range from `firstOffset` needs: the identities of the last
 * `WINDOW_OFFSETS_MAX` offsets before it, no more and no less, however it came to be. What is missing is read from
 * Kafka: all of it after an assignment (about 2 µs a record), and what another aggregator stored in between, which here
 * looks like a gap. If reading fails half way, the next call goes on where this one stopped.
 */
export async function fillWindow(
  partition: PartitionWindow,
  firstOffset: number,
  readRecords: ReadRecords,
): Promise<void> {
  const { window, kafkaPartition } = partition;
  const reader = new IdentityReader();
  const start = Math.max(0, firstOffset - WINDOW_OFFSETS_MAX);
  forgetBefore(partition, start);
  for (let from = Math.max(start, partition.filledTo); from < firstOffset; from += FILL_OFFSETS) {
    const to = Math.min(from + FILL_OFFSETS, firstOffset);
    const records = await readRecords(kafkaPartition, from, to);
    const first = records.at(0);
    // A gap at the front may be one of offsets, or of what the log no longer holds: taken for the latter.
    if (partition.knownFrom === null || first?.offset !== from) {
      partition.knownFrom = first?.offset ?? to;
    }
    noteTime(partition, first);
    for (const record of records) {
      if (reader.read(record)) {
        window.add(reader.key, reader.content, record.offset);
      }
    }
    partition.filledTo = to;
  }
  partition.knownFrom ??= firstOffset;
}

/** Takes over the identities of a range that is stored. */
export function extendWindow(
  partition: PartitionWindow,
  seen: DuplicateWindow,
  { nextOffset, records }: { readonly nextOffset: number; readonly records: RecordList },
): void {
  // First the room, then the newcomers: the memory stays at one window's length.
  forgetBefore(partition, nextOffset - WINDOW_OFFSETS_MAX);
  noteTime(partition, records.at(0));
  partition.window.absorb(seen);
  partition.filledTo = nextOffset;
}

/** What the window says of what is not in it. */
export function edgeOf({ knownFrom, marks }: PartitionWindow): WindowEdge {
  const mark = marks.find(({ kafkaOffset }) => kafkaOffset >= (knownFrom ?? 0));
  return { isWhole: knownFrom === 0, timestampMs: mark?.timestampMs ?? null };
}

/** Marks are this far apart at least, so that they are few whatever the ranges. */
const MARK_OFFSETS = WINDOW_OFFSETS_MAX / 1_000;

function noteTime({ marks }: PartitionWindow, record: FetchedRecord | undefined): void {
  const last = marks.at(-1);
  if (record !== undefined && (last === undefined || record.offset >= last.kafkaOffset + MARK_OFFSETS)) {
    marks.push({ kafkaOffset: record.offset, timestampMs: record.timestampMs });
  }
}

function forgetBefore(partition: PartitionWindow, start: number): void {
  const { window, marks } = partition;
  window.forgetBefore(start);
  if (partition.knownFrom !== null) {
    partition.knownFrom = Math.max(partition.knownFrom, start);
  }
  const kept = marks.findIndex(({ kafkaOffset }) => kafkaOffset >= start);
  marks.splice(0, kept < 0 ? marks.length : kept);
}
