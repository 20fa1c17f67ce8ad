/** Bytes that may be held in memory at one time, by all requests together. */
export interface ByteBudget {
  /** Takes `bytes` out of the budget; `false`, and nothing taken, when they are not there. */
  reserve(bytes: number): boolean;
  /** Gives back what was reserved. */
  release(bytes: number): void;
  /** Bytes reserved now. */
  readonly used: number;
}

export function createByteBudget(bytesMax: number): ByteBudget {
  let used = 0;
  return {
    reserve(bytes) {
      if (used + bytes > bytesMax) {
        return false;
      }
      used += bytes;
      return true;
    },
    release(bytes) {
      used -= bytes;
    },
    get used() {
      return used;
    },
  };
}
