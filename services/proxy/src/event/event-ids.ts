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
 * Makes event ids; `now` is epoch milliseconds. Both texts are written here by table, as every answer carries them, and
 * each in one piece: a text put together from parts is put together again by whoever reads it.
 */
export function createEventIds({ random }: EventIdOptions): (now: number) => EventId {
  const pool = Buffer.alloc(RANDOM_BYTES * POOL_IDS);
  const texts = Buffer.alloc(TEXT_BYTES, 'gen_');
  let next = pool.length;
  return (now) => {
    if (next === pool.length) {
      random(pool);
      next = 0;
    }
    const bytes = Buffer.allocUnsafe(ID_BYTES);
    const high = Math.floor(now / WORD);
    bytes[0] = high >>> 8;
    bytes[1] = high;
    bytes[2] = now >>> 24;
    bytes[3] = now >>> 16;
    bytes[4] = now >>> 8;
    bytes[5] = now;
    for (let index = ID_BYTES - RANDOM_BYTES; index < ID_BYTES; index++) {
      bytes[index] = at(pool, next++);
    }
    bytes[6] = 0x70 | (at(bytes, 6) & 0x0f);
    bytes[8] = 0x80 | (at(bytes, 8) & 0x3f);
    writeGenerationId(bytes, texts);
    writeUuid(bytes, texts);
    return {
      bytes,
      uuid: texts.toString('latin1', GENERATION_ID_BYTES, TEXT_BYTES),
      generationId: texts.toString('latin1', 0, GENERATION_ID_BYTES),
    };
  };
}

const WORD = 2 ** 32;
const ID_BYTES = 16;
const RANDOM_BYTES = 10;
/** Randomness is fetched for this many ids at once. */
const POOL_IDS = 256;
const PREFIX_BYTES = 4;
const GENERATION_ID_BYTES = 30;
const TEXT_BYTES = GENERATION_ID_BYTES + 36;

/** Behind the prefix, 26 digits of 5 bits are 130 bits, so two bits of padding come before the 128 of the id. */
function writeGenerationId(bytes: Buffer, texts: Buffer): void {
  let held = 0;
  let heldBits = 2;
  let position = PREFIX_BYTES;
  for (let index = 0; index < ID_BYTES; index++) {
    held = (held << 8) | at(bytes, index);
    heldBits += 8;
    while (heldBits >= 5) {
      heldBits -= 5;
      texts[position++] = at(CROCKFORD, held >>> heldBits);
      held &= (1 << heldBits) - 1;
    }
  }
}

function writeUuid(bytes: Buffer, texts: Buffer): void {
  let position = GENERATION_ID_BYTES;
  for (let index = 0; index < ID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) {
      texts[position++] = DASH;
    }
    const byte = at(bytes, index);
    texts[position++] = at(HEX, byte >>> 4);
    texts[position++] = at(HEX, byte & 0x0f);
  }
}

function at(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}

const DASH = 0x2d;
const HEX = Buffer.from('0123456789abcdef');
const CROCKFORD = Buffer.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ');
