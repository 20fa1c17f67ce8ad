import { setTimeout as sleep } from 'node:timers/promises';
import { type BuiltRun, RunCutter } from './built-runs.ts';
import type { Journal } from './journal.ts';
import type { JournalRecord } from './journal-format.ts';
import type { RunProducer, RunSender } from './run-sender.ts';
import { type SegmentFile, SegmentReader } from './segment-reader.ts';

export interface ReadBehindOptions {
  readonly journal: Journal;
  readonly producer: RunProducer;
  readonly sender: RunSender;
  /** The first event that stands in the journal alone, and the segment to look for it from. */
  readonly from: { readonly ordinal: number; readonly segment: number };
  readonly signal: AbortSignal;
  /** Called in the same turn in which the end of the journal is read: events may go straight to the producer again. */
  readonly onCaughtUp: () => void;
}

/** Reads the events of a living journal back that are in no memory, and sends them, until there are no more. */
export async function readBehind(options: ReadBehindOptions): Promise<void> {
  const { journal, producer, sender, onCaughtUp } = options;
  const firstOrdinal = Math.max(options.from.ordinal, sender.nextOrdinal);
  const cutter = new RunCutter({ fits: (records, bytes) => producer.batchFits(records, bytes) });
  let segment = segmentFrom(journal, options.from.segment);
  let reader = await SegmentReader.open(segment);
  try {
    for (;;) {
      // Asked before reading: what is ended when we begin to read it is read to its end.
      const isEnded = journal.segments.at(-1)?.number !== segment.number;
      const records = await reader.next();
      if (records !== null) {
        await sendAll(sender, cut(cutter, records, firstOrdinal));
      } else if (isEnded) {
        await reader.close();
        segment = segmentFrom(journal, segment.number + 1);
        reader = await SegmentReader.open(segment);
      } else if (sender.hasRoom && journal.write() && journal.segments.at(-1)?.number === segment.number) {
        for (const run of readRest(reader, cutter, firstOrdinal)) {
          sender.hand(run);
        }
        onCaughtUp();
        return;
      } else {
        await sleep(END_CHECK_MS, undefined, { signal: options.signal });
      }
    }
  } finally {
    await reader.close();
  }
}

/** At the end of the journal, as long as the producer or the disk takes no more. */
const END_CHECK_MS = 10;

function segmentFrom(journal: Journal, number: number): SegmentFile {
  const segment = journal.segments.find((candidate) => candidate.number >= number);
  if (segment === undefined) {
    throw new RangeError(`journal has no segment ${number}`);
  }
  return segment;
}

function cut(cutter: RunCutter, records: readonly JournalRecord[], firstOrdinal: number): BuiltRun[] {
  const runs: BuiltRun[] = [];
  for (const record of records) {
    const run = record.type === 'built' && record.ordinal >= firstOrdinal ? cutter.push(record) : null;
    if (run !== null) {
      runs.push(run);
    }
  }
  return runs;
}

/** In one turn, so that nothing is appended meanwhile: as much as was written since the last read. */
function readRest(reader: SegmentReader, cutter: RunCutter, firstOrdinal: number): BuiltRun[] {
  const runs: BuiltRun[] = [];
  for (let records = reader.nextSync(); records !== null; records = reader.nextSync()) {
    runs.push(...cut(cutter, records, firstOrdinal));
  }
  const last = cutter.take();
  return last === null ? runs : [...runs, last];
}

async function sendAll(sender: RunSender, runs: readonly BuiltRun[]): Promise<void> {
  for (const run of runs) {
    await sender.send(run);
  }
}
