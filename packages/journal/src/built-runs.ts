import type { JournalRecord } from './journal-format.ts';

export type BuiltRecord = Extract<JournalRecord, { type: 'built' }>;

/** Events of one Kafka partition that follow each other in a journal: what travels as one batch. */
export interface BuiltRun {
  readonly kafkaPartition: number;
  readonly records: BuiltRecord[];
  bytes: number;
}

export interface RunBounds {
  /** Whether so many records with so many bytes of keys and values fit in one batch. */
  readonly fits: (records: number, bytes: number) => boolean;
}

/** Cuts events, in the order of the journal, into runs. `null`: no event came yet. */
export class RunCutter {
  readonly #bounds: RunBounds;
  #open: BuiltRun | null = null;

  constructor(bounds: RunBounds) {
    this.#bounds = bounds;
  }

  /** Takes a record in; the run that it ended, if it did. */
  push(record: BuiltRecord): BuiltRun | null {
    const bytes = record.value.length + (record.key === null ? 0 : Buffer.byteLength(record.key));
    const open = this.#open;
    if (
      open !== null &&
      open.kafkaPartition === record.kafkaPartition &&
      this.#bounds.fits(open.records.length + 1, open.bytes + bytes)
    ) {
      open.records.push(record);
      open.bytes += bytes;
      return null;
    }
    this.#open = { kafkaPartition: record.kafkaPartition, records: [record], bytes };
    return open;
  }

  /** The run so far; the next record begins another. */
  take(): BuiltRun | null {
    const open = this.#open;
    this.#open = null;
    return open;
  }
}

/** The ordinals of a run as ranges: it may leave out what was settled before. */
export function ordinalRanges({ records }: BuiltRun): { first: number; next: number }[] {
  const ranges: { first: number; next: number }[] = [];
  for (const { ordinal } of records) {
    const last = ranges.at(-1);
    if (last !== undefined && last.next === ordinal) {
      last.next = ordinal + 1;
    } else {
      ranges.push({ first: ordinal, next: ordinal + 1 });
    }
  }
  return ranges;
}
