/** Plain counts by label, read when metrics are scraped. */
export interface Tally {
  add(label: string): void;
  /** Counts so far, by label. */
  entries(): Iterable<readonly [label: string, count: number]>;
  /** 0 for a label never seen. */
  of(label: string): number;
}

/** Labels come from closed lists in the code, so the map stays small. */
export function createTally(): Tally {
  const counts = new Map<string, number>();
  return {
    add(label) {
      counts.set(label, (counts.get(label) ?? 0) + 1);
    },
    entries: () => counts.entries(),
    of: (label) => counts.get(label) ?? 0,
  };
}
