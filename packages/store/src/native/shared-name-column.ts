import type { SharedPlace } from '../row-layout.ts';
import type { SharedTexts } from '../shared-texts.ts';
import { NAMES_VERSION, NameIndex } from './name-index.ts';
import type { NativeColumn } from './native-column.ts';
import type { RowGroup } from './row-group.ts';

/** A `LowCardinality(String)` of which rows have numbers: each is looked up once a block. */
export class SharedNameColumn implements NativeColumn {
  readonly #place: SharedPlace;
  readonly #names = new NameIndex();
  /** By number of the texts, that of the name plus 1; 0 = not looked up yet. */
  #known = new Int32Array(FIRST_NUMBERS);

  constructor(place: SharedPlace) {
    this.#place = place;
  }

  take({ view, starts, size, texts }: RowGroup): void {
    const { at, group } = this.#place;
    const shared = texts[group];
    if (shared.size > this.#known.length) {
      const larger = new Int32Array(shared.size * 2);
      larger.set(this.#known);
      this.#known = larger;
    }
    const known = this.#known;
    for (let row = 0; row < size; row += 1) {
      const number = view.getInt32((starts[row] ?? 0) + at, true);
      this.#names.append((known[number] || this.#lookUp(shared, number)) - 1);
    }
  }

  isDefault(): boolean {
    return this.#names.isDefault();
  }

  pieces(): readonly Uint8Array[] {
    return [NAMES_VERSION, ...this.#names.pieces()];
  }

  clear(): void {
    this.#names.clear();
    this.#known.fill(0);
  }

  #lookUp({ view, starts, fields }: SharedTexts, number: number): number {
    const entry = number * fields + this.#place.field;
    const name = this.#names.numberOf(view, starts[entry] ?? 0, starts[entry + 1] ?? 0) + 1;
    this.#known[number] = name;
    return name;
  }
}

const FIRST_NUMBERS = 1024;
