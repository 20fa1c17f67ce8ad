import { ColumnBytes } from './native/column-bytes.ts';
import { RAW_TEXT_GROUPS } from './raw-row-layout.ts';
import { RowBinaryWriter } from './row-binary.ts';
import type { TextGroup } from './row-layout.ts';
import { SliceTable } from './slice-table.ts';

/** Texts that come together, numbered in the order of their appearance, each kept in RowBinary. */
export class SharedTexts {
  readonly fields: number;
  readonly #table = new SliceTable(1);
  readonly #kept = new ColumnBytes();
  readonly #writer = new RowBinaryWriter();
  /** Where the text of field `field` of number `number` begins: at `number * fields + field`; the next entry is its end. */
  starts: Int32Array = new Int32Array(FIRST_STARTS);

  constructor(fields: number) {
    this.fields = fields;
  }

  /** Numbers given so far. */
  get size(): number {
    return this.#table.size;
  }

  /** Of the texts that `starts` tells of; another one once it has grown. Some bytes more can be read behind the last. */
  get view(): DataView {
    return this.#kept.view;
  }

  /** The number of such texts, as many as there are fields; an absent one is the empty text. */
  numberOf(texts: readonly (string | null)[]): number {
    const writer = this.#writer;
    writer.position = 0;
    writer.texts(texts);
    const place = this.#table.placeOf({ view: writer.view, start: 0, end: writer.position, salt: 0 });
    const { words } = this.#table;
    if (words[place] === 0) {
      this.#keep(texts);
      words[place] = this.#table.size;
    }
    return (words[place] ?? 0) - 1;
  }

  #keep(texts: readonly (string | null)[]): void {
    const entry = (this.#table.size - 1) * this.fields;
    if (entry + this.fields >= this.starts.length) {
      const larger = new Int32Array((entry + this.fields) * 2);
      larger.set(this.starts);
      this.starts = larger;
    }
    const kept = this.#kept;
    const writer = this.#writer;
    for (let field = 0; field < this.fields; field += 1) {
      writer.position = 0;
      writer.text(texts[field] ?? null);
      kept.reserve(writer.position);
      kept.bytes.set(writer.bytes.subarray(0, writer.position), kept.length);
      kept.length += writer.position;
      this.starts[entry + field + 1] = kept.length;
    }
  }
}

/** The texts that rows of `raw_events` share, of any number of blocks. A block keeps what its rows have numbers of. */
export class RowTexts implements Readonly<Record<TextGroup, SharedTexts>> {
  readonly who = new SharedTexts(RAW_TEXT_GROUPS.who.length);
  readonly what = new SharedTexts(RAW_TEXT_GROUPS.what.length);
  readonly rating = new SharedTexts(RAW_TEXT_GROUPS.rating.length);

  get size(): number {
    return this.who.size + this.what.size + this.rating.size;
  }
}

const FIRST_STARTS = 1024;
