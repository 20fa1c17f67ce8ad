/** Bytes of an event id. */
const ID_BYTES = 16;
const GENERATION_ID_PATTERN = /^gen_([0-7][0-9A-HJKMNP-TV-Z]{25})$/;
/** Crockford's base 32, as ULID uses it: no I, L, O, U. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID_CHARACTERS = 26;
const HEX_PATTERN = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** The 16 bytes in UUID text form, lower case. */
export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** UUID text in lower case → its 16 bytes; `null` for any other text. */
export function uuidBytes(text: string): Uint8Array | null {
  return HEX_PATTERN.test(text) ? fromHex(text.replaceAll('-', '')) : null;
}

/** `gen_` and the id as a ULID: what answers carry in `meterstone-generation-id`. */
export function uuidToGenerationId(bytes: Uint8Array): string {
  let rest = BigInt(`0x${toHex(bytes)}`);
  let text = '';
  for (let i = 0; i < ULID_CHARACTERS; i += 1) {
    text = CROCKFORD.charAt(Number(rest & 31n)) + text;
    rest >>= 5n;
  }
  return `gen_${text}`;
}

/** The 16 bytes of a generation id; `null` for any other text (lower case and Crockford's look-alikes included). */
export function generationIdToUuid(text: string): Uint8Array | null {
  const ulid = GENERATION_ID_PATTERN.exec(text)?.[1];
  if (ulid === undefined) return null;
  let value = 0n;
  for (const character of ulid) value = (value << 5n) | BigInt(CROCKFORD.indexOf(character));
  return fromHex(value.toString(16).padStart(ID_BYTES * 2, '0'));
}

function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_BYTES; i += 1) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}
