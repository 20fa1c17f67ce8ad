import { EVENT_LIMITS, USAGE_FLAGS } from '@meterstone/metering';

/** The usage object as it is kept: its text, and `rawTruncated` when it had to be cut. */
export interface RawUsage {
  readonly text: string;
  /** 0 or `USAGE_FLAGS.rawTruncated`. */
  readonly usageFlags: number;
}

/**
 * The text of a usage object, verbatim up to the limit of an event and cut there at a character boundary.
 * A cut text is kept rather than dropped: providers put the totals first and the long lists after them.
 */
export function rawUsageOf(text: string): RawUsage {
  const limit = EVENT_LIMITS.usageRawBytesMax;
  if (text.length * UTF8_BYTES_PER_UNIT_MAX <= limit) return { text, usageFlags: 0 };
  if (text.length <= limit && encoder.encode(text).length <= limit) return { text, usageFlags: 0 };
  const head = new Uint8Array(limit);
  const { read } = encoder.encodeInto(text, head);
  return { text: text.slice(0, read), usageFlags: USAGE_FLAGS.rawTruncated };
}

const encoder = new TextEncoder();
/** Of one UTF-16 unit: a spare bound that saves most objects an encoding. */
const UTF8_BYTES_PER_UNIT_MAX = 3;
