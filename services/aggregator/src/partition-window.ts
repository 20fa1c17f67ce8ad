import type { FetchedRecord } from '@meterstone/kafka';
import { DuplicateWindow, WINDOW_OFFSETS_MAX } from './deduplicate.ts';
import type { ContentHasher } from './event-content.ts';
import { readRecord } from './read-record.ts';

/** Reads the records of one Kafka partition in `[from, to)`; what the log no longer holds is left out. */
export type ReadRecords = (
  kafkaPartition: number,
  from: number,
  to: number,
) => Promise<readonly FetchedRecord[]>;

/** The window of one Kafka partition, and up to where it is filled. */
export interface PartitionWindow {
  readonly window: DuplicateWindow;
  readonly kafkaPartition: number;
  /** Everything below stands in the window, as far as its length reaches. */
  filledTo: number;
}

/** Offsets read at a time while a window is filled: bounds memory, and lets the process do other work in between. */
const FILL_OFFSETS = 20_000;

/** A window that nothing is known of yet: all that matters of it will be read before its first range. */
export function emptyWindow(kafkaPartition: number): PartitionWindow {
  return { window: new DuplicateWindow(), kafkaPartition, filledTo: 0 };
}

/**
 * Brings a window to the state that deciding the range from `firstOffset` needs: the identities of the last
 * `WINDOW_OFFSETS_MAX` offsets before it, no more and no less, however it came to be. What is missing is read from
 * Kafka: all of it after an assignment (about 5 µs a record), and what another aggregator stored in between, which here
 * looks like a gap. If reading fails half way, the next call goes on where this one stopped.
 */
export async function fillWindow(
  partition: PartitionWindow,
  firstOffset: number,
  tools: { readonly readRecords: ReadRecords; readonly contentOf: ContentHasher },
): Promise<void> {
  const { window, kafkaPartition } = partition;
  const start = Math.max(0, firstOffset - WINDOW_OFFSETS_MAX);
  window.forgetBefore(start);
  for (let from = Math.max(start, partition.filledTo); from < firstOffset; from += FILL_OFFSETS) {
    const to = Math.min(from + FILL_OFFSETS, firstOffset);
    for (const record of await tools.readRecords(kafkaPartition, from, to)) {
      const read = readRecord(record);
      if (read.kind === 'event') {
        const { eventId, line } = read.event;
        window.add({ eventId, line, content: tools.contentOf(read.event), kafkaOffset: record.offset });
      }
    }
    partition.filledTo = to;
  }
}

/** Takes over the identities of a range that is stored. */
export function extendWindow(partition: PartitionWindow, seen: DuplicateWindow, nextOffset: number): void {
  // First the room, then the newcomers: the memory stays at one window's length.
  partition.window.forgetBefore(nextOffset - WINDOW_OFFSETS_MAX);
  partition.window.absorb(seen);
  partition.filledTo = nextOffset;
}
