import { OrdinalSet } from './ordinal-set.ts';

/** Remembers when events were built, to a second, for as long as Kafka has not acknowledged them. */
export class UnsettledAge {
  readonly #settled = new OrdinalSet();
  /** The first ordinal of each second, oldest first. */
  readonly #marks: { readonly ordinal: number; readonly at: number }[] = [];

  build(ordinal: number, at: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || at - last.at >= MARK_MS) {
      this.#marks.push({ ordinal, at });
      this.#forget();
    }
  }

  settle(first: number, next: number): void {
    this.#settled.add(first, next);
  }

  /** Epoch milliseconds; `null`: all before `nextOrdinal` is settled. */
  oldestAt(nextOrdinal: number): number | null {
    this.#forget();
    return this.#lowest() >= nextOrdinal ? null : (this.#marks[0]?.at ?? null);
  }

  #lowest(): number {
    const [range] = this.#settled.ranges;
    return range?.first === 0 ? range.next : 0;
  }

  #forget(): void {
    const lowest = this.#lowest();
    while ((this.#marks[1]?.ordinal ?? Number.POSITIVE_INFINITY) <= lowest) {
      this.#marks.shift();
    }
  }
}

const MARK_MS = 1_000;
