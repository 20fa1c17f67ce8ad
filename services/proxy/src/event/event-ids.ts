/** The names of one attempt. */
export interface EventId {
  /** 16 bytes, a UUIDv7: sorts by the millisecond it was made in. */
  readonly bytes: Buffer;
  /** The same as UUID text. */
  readonly uuid: string;
  /** The same as `gen_` and a ULID, for `meterstone-generation-id`. */
  readonly generationId: string;
}

export interface EventIdOptions {
  /** Fills the bytes with randomness. */
  readonly random: (bytes: Uint8Array) => unknown;
}

/**
 * Makes event ids; `now` is epoch milliseconds. Both texts are made here by table, as every answer carries them:
 * a tenth of the time that the general conversions of metering take, which the tests hold them against.
 */
export function createEventIds({ random }: EventIdOptions): (now: number) => EventId {
  const pool = Buffer.alloc(RANDOM_BYTES * POOL_IDS);
  let next = pool.length;
  return (now) => {
    if (next === pool.length) {
      random(pool);
      next = 0;
    }
    const bytes = Buffer.allocUnsafe(ID_BYTES);
    bytes.writeUIntBE(now, 0, 6);
    pool.copy(bytes, 6, next, next + RANDOM_BYTES);
    next += RANDOM_BYTES;
    bytes[6] = 0x70 | (at(bytes, 6) & 0x0f);
    bytes[8] = 0x80 | (at(bytes, 8) & 0x3f);
    return { bytes, uuid: toUuid(bytes), generationId: toGenerationId(bytes) };
  };
}

const ID_BYTES = 16;
const RANDOM_BYTES = 10;
/** Randomness is fetched for this many ids at once. */
const POOL_IDS = 256;

function toUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 26 digits of 5 bits are 130 bits, so two bits of padding come before the 128 of the id. */
function toGenerationId(bytes: Buffer): string {
  let text = 'gen_';
  let held = 0;
  let heldBits = 2;
  for (let index = 0; index < ID_BYTES; index++) {
    held = (held << 8) | at(bytes, index);
    heldBits += 8;
    if (heldBits >= 10) {
      heldBits -= 10;
      text += PAIRS[held >>> heldBits] ?? '';
      held &= (1 << heldBits) - 1;
    }
  }
  return text;
}

function at(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Two digits for every 10 bits. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, value) => CROCKFORD.charAt(value >>> 5) + CROCKFORD.charAt(value & 31),
);
