import { encodeEventContent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';

/** Gives the hash of what an event says: an integer of up to 53 bits. */
export type ContentHasher = (event: UsageEvent) => number;

/**
 * Hashes what an event says (`encodeEventContent`), so that a copy can be told from another event under the same id. A
 * chance collision makes a conflict look like a copy; neither becomes a row.
 */
export function createContentHasher(): ContentHasher {
  let slab = Buffer.allocUnsafe(SLAB_BYTES);
  return (event) => {
    let end = encodeEventContent(event, slab, 0);
    while (end < 0) {
      slab = Buffer.allocUnsafe(slab.length * 2);
      end = encodeEventContent(event, slab, 0);
    }
    return hashBytes(slab, end);
  };
}

/** Holds nearly every event; doubled for one that is larger, whose record's size is bounded. */
const SLAB_BYTES = 16_384;

/** Two FNV-1a hashes of 32 bits with different starts, joined to 53. */
function hashBytes(bytes: Buffer, end: number): number {
  let low = 0x811c9dc5;
  let high = 0x27d4eb2f;
  for (let index = 0; index < end; index++) {
    const byte = bytes[index] ?? 0;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
