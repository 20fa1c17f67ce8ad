import { encodeUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';

/** Makes new events of events that are encoded already: new ids and times, everything else as it was. */
export interface EventStamper {
  /** How many templates there are. */
  readonly templates: number;
  /** The event behind a template. */
  readonly eventOf: (template: number) => UsageEvent;
  /** A new event that ends now, epoch milliseconds. Valid until the next call. */
  stamp(template: number, now: number): { readonly key: string; readonly value: Buffer };
}

/** Where the parts stand that change; each has one length in all events. */
interface Template {
  readonly event: UsageEvent;
  readonly bytes: Buffer;
  readonly eventId: number;
  readonly operationId: number;
  readonly occurredAt: number;
  readonly ingestedAt: number;
}

/**
 * Encoding an event costs several microseconds, and a load that shares its machine with what it loads must cost less.
 * Every event needs an operation of its own, named by a UUID.
 */
export function createStamper(events: Iterable<UsageEvent>, random: () => number): EventStamper {
  const templates = [...events].map(toTemplate);
  const at = (index: number) => {
    const template = templates[index];
    if (template === undefined) throw new RangeError(`there is no template ${index}`);
    return template;
  };
  return {
    templates: templates.length,
    eventOf: (index) => at(index).event,
    stamp(index, now) {
      const { bytes, event, ...places } = at(index);
      writeUuid(bytes, places.eventId, { ms: now, random });
      const end = writeUuidText(bytes, places.operationId, places.eventId);
      writeInstant(bytes, places.occurredAt, now - (event.ingestedAt - event.occurredAt));
      writeInstant(bytes, places.ingestedAt, now);
      return { key: bytes.toString('latin1', places.operationId, end), value: bytes };
    },
  };
}

const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
/** An instant between 2001 and 2039 takes six bytes. */
const INSTANT_BYTES = 6;
/** Two instants of which no byte is the same. */
const INSTANTS = [toInstant(100, 2), toInstant(101, 4)] as const;

function toTemplate(event: UsageEvent): Template {
  const texts = ['0', 'f'].map((character) => character.repeat(UUID_CHARACTERS));
  const ids = [0, 0xff].map((byte) => new Uint8Array(UUID_BYTES).fill(byte));
  const place = (bytes: number, versions: readonly Partial<UsageEvent>[]) =>
    findPlace(
      versions.map((change) => encode({ ...event, ...change })),
      bytes,
    );
  return {
    event,
    bytes: encode(event),
    eventId: place(
      UUID_BYTES,
      ids.map((eventId) => ({ eventId })),
    ),
    operationId: place(
      UUID_CHARACTERS,
      texts.map((operationId) => ({ operationId })),
    ),
    occurredAt: place(
      INSTANT_BYTES,
      INSTANTS.map((occurredAt) => ({ occurredAt })),
    ),
    ingestedAt: place(
      INSTANT_BYTES,
      INSTANTS.map((ingestedAt) => ({ ingestedAt })),
    ),
  };
}

const SLAB_BYTES = 65_536;

function encode(event: UsageEvent): Buffer {
  const slab = Buffer.alloc(SLAB_BYTES);
  return Buffer.from(slab.subarray(0, encodeUsageEvent(event, slab, 0)));
}

/** Where two encodings of the same length differ, which must be all of the given bytes. */
function findPlace([one, other]: readonly Buffer[], bytes: number): number {
  if (one === undefined || one.length !== other?.length) throw new Error('a field changed the length');
  const differing = [...one.keys()].filter((index) => one[index] !== other[index]);
  const [first] = differing;
  if (first === undefined || differing.length !== bytes || differing.at(-1) !== first + bytes - 1) {
    throw new Error(`a field is not the ${bytes} bytes that it was taken for`);
  }
  return first;
}

/** The instant whose six bytes are `low` five times and `top` once. `low` is even, as every zigzagged instant is. */
function toInstant(top: number, low: number): number {
  let zigzag = top;
  for (let index = 1; index < INSTANT_BYTES; index += 1) zigzag = zigzag * 128 + low;
  return zigzag / 2;
}

/** As Avro writes a `long`: zigzag, then seven bits a byte, the lowest first. */
function writeInstant(bytes: Buffer, position: number, ms: number): void {
  let rest = ms * 2;
  for (let index = 0; index < INSTANT_BYTES - 1; index += 1) {
    const next = Math.floor(rest / 128);
    bytes[position + index] = rest - next * 128 + 128;
    rest = next;
  }
  bytes[position + INSTANT_BYTES - 1] = rest;
}

/** A UUIDv7 of that millisecond. */
function writeUuid(
  bytes: Buffer,
  position: number,
  { ms, random }: { ms: number; random: () => number },
): void {
  bytes.writeUIntBE(ms, position, 6);
  bytes.writeUInt32BE(Math.floor(random() * 2 ** 32), position + 6);
  bytes.writeUInt32BE(Math.floor(random() * 2 ** 32), position + 10);
  bytes.writeUInt16BE(Math.floor(random() * 2 ** 16), position + 14);
  bytes[position + 6] = 0x70 | ((bytes[position + 6] ?? 0) & 0x0f);
  bytes[position + 8] = 0x80 | ((bytes[position + 8] ?? 0) & 0x3f);
}

const HEX = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const DASH = '-'.charCodeAt(0);
/** Bytes of a UUID behind which its text has a dash. */
const DASH_AFTER = [3, 5, 7, 9];

/** Writes the text of the UUID at `from` and gives where it ends. */
function writeUuidText(bytes: Buffer, position: number, from: number): number {
  let at = position;
  for (let index = 0; index < UUID_BYTES; index += 1) {
    const byte = bytes[from + index] ?? 0;
    bytes[at] = HEX[byte >> 4] ?? 0;
    bytes[at + 1] = HEX[byte & 15] ?? 0;
    at += 2;
    if (DASH_AFTER.includes(index)) {
      bytes[at] = DASH;
      at += 1;
    }
  }
  return at;
}
