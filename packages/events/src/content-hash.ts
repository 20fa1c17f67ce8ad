/**
 * The hash of parts of `bytes`: an integer of up to 53 bits. `ranges` are half-open bounds: start, end, start, end. Two
 * lanes of 32 bits take every other word; in each a step is reversible, so that no single difference is lost.
 */
export function hashRanges(bytes: DataView, ranges: readonly number[]): number {
  let low = 0x811c9dc5;
  let high = 0x27d4eb2f;
  for (let range = 0; range + 1 < ranges.length; range += 2) {
    const end = ranges[range + 1] ?? 0;
    let at = ranges[range] ?? 0;
    // A zero more at the end is another content.
    high = mixed(high ^ (end - at), HIGH_FACTOR);
    for (; at <= end - 2 * WORD_BYTES; at += 2 * WORD_BYTES) {
      low = mixed(low ^ bytes.getInt32(at, true), LOW_FACTOR);
      high = mixed(high ^ bytes.getInt32(at + WORD_BYTES, true), HIGH_FACTOR);
    }
    if (at <= end - WORD_BYTES) {
      low = mixed(low ^ bytes.getInt32(at, true), LOW_FACTOR);
      at += WORD_BYTES;
    }
    high = mixed(high ^ restAt(bytes, at, end), HIGH_FACTOR);
  }
  // Each half tells of all that went into either.
  const both = mixed(low ^ (high << 16) ^ (high >>> 16), LOW_FACTOR);
  return (spread(high ^ both) >>> 11) * 2 ** 32 + (spread(low ^ Math.imul(high, HIGH_FACTOR)) >>> 0);
}

const WORD_BYTES = 4;
/** Odd, or a step could not be undone. */
const LOW_FACTOR = 0x9e3779b1;
const HIGH_FACTOR = 0x85ebca77;

function mixed(word: number, factor: number): number {
  const product = Math.imul(word, factor);
  return product ^ (product >>> 15);
}

/** Fewer than four bytes. */
function restAt(bytes: DataView, start: number, end: number): number {
  let word = 0;
  for (let at = end - 1; at >= start; at--) {
    word = (word << 8) | bytes.getUint8(at);
  }
  return word;
}

/** Lets every bit reach every other one. */
function spread(lane: number): number {
  let word = Math.imul(lane ^ (lane >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return word ^ (word >>> 15);
}
