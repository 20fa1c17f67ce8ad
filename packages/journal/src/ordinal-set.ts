/** Numbers, kept as disjoint half-open ranges in rising order: acknowledgements come nearly in order, so there are few. */
export class OrdinalSet {
  readonly #ranges: { first: number; next: number }[] = [];

  get ranges(): readonly { readonly first: number; readonly next: number }[] {
    return this.#ranges;
  }

  add(first: number, next: number): void {
    if (next <= first) {
      return;
    }
    let from = this.#indexBefore(first);
    if (from < 0 || (this.#ranges[from]?.next ?? 0) < first) {
      from += 1;
    }
    const range = { first, next };
    let to = from;
    for (let touched = this.#ranges[to]; touched !== undefined && touched.first <= next; ) {
      range.first = Math.min(range.first, touched.first);
      range.next = Math.max(range.next, touched.next);
      to += 1;
      touched = this.#ranges[to];
    }
    this.#ranges.splice(from, to - from, range);
  }

  has(ordinal: number): boolean {
    return (this.#ranges[this.#indexBefore(ordinal)]?.next ?? 0) > ordinal;
  }

  /** The last range that begins at or before the ordinal; −1: none. */
  #indexBefore(ordinal: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.first ?? 0) <= ordinal) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }
}
