/** Chance that a seed determines, so that a round can be played again. */
export interface Chance {
  /** From [0, 1). */
  readonly next: () => number;
  /** A whole number of [min, max]. */
  readonly between: (min: number, max: number) => number;
  /** One of them; there must be one. */
  readonly pick: <Item>(items: readonly Item[]) => Item;
  /** True with this probability. */
  readonly happens: (probability: number) => boolean;
}

/** The mulberry32 sequence of a seed. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    happens: (probability) => next() < probability,
  };
}
