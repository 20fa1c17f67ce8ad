import type { FetchedRecord, PlacedRecord } from './fetched-record.ts';
import { type RecordRun, readRun } from './record-run.ts';
import { writeRecords } from './written-records.ts';

/**
 * Records of one Kafka partition by rising offset. A list keeps where they stand and no object of any: asked for, a
 * record is made anew each time. Lists share what they hold: to cut or to join them copies nothing of a record.
 */
export class RecordList implements Iterable<PlacedRecord> {
  readonly length: number;
  /** None is empty. */
  readonly #runs: readonly RecordRun[];
  /** The index of each run's first record. */
  readonly #begins: readonly number[];

  /** Runs by rising offset. */
  constructor(runs: readonly RecordRun[]) {
    const begins: number[] = [];
    let length = 0;
    this.#runs = runs.filter((run) => run.length > 0);
    for (const run of this.#runs) {
      begins.push(length);
      length += run.length;
    }
    this.#begins = begins;
    this.length = length;
  }

  /** A list of its own copies of these records, whose offsets rise and are less than 2^31 apart. */
  static of(records: readonly FetchedRecord[]): RecordList {
    return new RecordList([readRun(writeRecords(records))]);
  }

  /** The records of all these lists, which follow each other by offset. */
  static join(lists: readonly RecordList[]): RecordList {
    return new RecordList(lists.flatMap((list) => list.#runs));
  }

  [Symbol.iterator](): Iterator<PlacedRecord, undefined> {
    return new RecordIterator(this.#runs);
  }

  /** As an array's: a negative index counts from the end; `undefined` = there is none. */
  at(index: number): PlacedRecord | undefined {
    const place = this.#placeOf(index);
    return place?.run.at(place.index);
  }

  /** The offset of the record at an index, as {@link at} takes it. */
  offsetAt(index: number): number | undefined {
    const place = this.#placeOf(index);
    return place?.run.offsetAt(place.index);
  }

  /** The index of the first record at an offset or behind it; the list's length where there is none. */
  indexFrom(offset: number): number {
    const run = lowest(this.#runs.length, (one) => (this.#runs[one]?.offsetAt(0) ?? 0) > offset) - 1;
    const before = this.#runs[run];
    if (before === undefined) {
      return 0;
    }
    return (this.#begins[run] ?? 0) + lowest(before.length, (index) => before.offsetAt(index) >= offset);
  }

  /** The records `[from, to)`, as far as there are any; neither is negative. */
  slice(from: number, to = this.length): RecordList {
    return new RecordList(
      this.#runs.flatMap((run, one) => {
        const begin = this.#begins[one] ?? 0;
        const [first, end] = [Math.max(from - begin, 0), Math.min(to - begin, run.length)];
        return first < end ? run.slice(first, end) : [];
      }),
    );
  }

  #placeOf(index: number): { readonly run: RecordRun; readonly index: number } | null {
    const wanted = index < 0 ? index + this.length : index;
    const one = lowest(this.#begins.length, (each) => (this.#begins[each] ?? 0) > wanted) - 1;
    const run = this.#runs[one];
    return run === undefined || wanted >= this.length
      ? null
      : { run, index: wanted - (this.#begins[one] ?? 0) };
  }
}

/** The lowest integer from 0 on that has a property which all behind it have as well; `end` = none below it has it. */
function lowest(end: number, has: (index: number) => boolean): number {
  let [low, high] = [0, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (has(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** Goes over runs of which none is empty. A generator costs 0.01 µs a record more (0.045 against 0.035, 2026-11-30). */
class RecordIterator implements Iterator<PlacedRecord, undefined> {
  readonly #runs: readonly RecordRun[];
  #run: RecordRun | undefined;
  /** How many runs were begun. */
  #begun = 0;
  #index = 0;

  constructor(runs: readonly RecordRun[]) {
    this.#runs = runs;
    this.#begin();
  }

  next(): IteratorResult<PlacedRecord, undefined> {
    if (this.#run !== undefined && this.#index === this.#run.length) {
      this.#begin();
    }
    return this.#run === undefined
      ? { done: true, value: undefined }
      : { done: false, value: this.#run.at(this.#index++) };
  }

  #begin(): void {
    this.#run = this.#runs[this.#begun++];
    this.#index = 0;
  }
}
