/**
 * The hash of parts of `bytes`: an integer of up to 53 bits. `ranges` are half-open bounds: start, end, start, end. Two
 * lanes of 32 bits; in each a step is reversible, so that no single difference is lost.
 */
export function hashRanges(bytes: Uint8Array, ranges: readonly number[]): number {
  let low = 0x811c9dc5;
  let high = 0x27d4eb2f;
  for (let range = 0; range + 1 < ranges.length; range += 2) {
    const start = ranges[range] ?? 0;
    const end = ranges[range + 1] ?? 0;
    for (let at = start; at < end; at += WORD_BYTES) {
      const word = at + WORD_BYTES <= end ? wordAt(bytes, at) : restAt(bytes, at, end);
      low = Math.imul(low ^ word, LOW_FACTOR);
      low ^= low >>> 15;
      high = Math.imul(high ^ word, HIGH_FACTOR);
      high ^= high >>> 13;
    }
    // A zero more at the end is another content.
    low = Math.imul(low ^ (end - start), LOW_FACTOR);
    high = Math.imul(high ^ (end - start), HIGH_FACTOR);
  }
  return (spread(high) >>> 11) * 2 ** 32 + (spread(low) >>> 0);
}

const WORD_BYTES = 4;
/** Odd, or a step could not be undone. */
const LOW_FACTOR = 0x9e3779b1;
const HIGH_FACTOR = 0x85ebca77;

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Fewer than four bytes. */
function restAt(bytes: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let at = end - 1; at >= start; at--) {
    word = (word << 8) | (bytes[at] ?? 0);
  }
  return word;
}

/** Lets every bit reach every other one. */
function spread(lane: number): number {
  let word = Math.imul(lane ^ (lane >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return word ^ (word >>> 15);
}
