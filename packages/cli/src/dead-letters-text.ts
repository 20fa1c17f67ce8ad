import type { DeadLetter } from '@meterstone/events';
import { letterState, toLetterId } from '@meterstone/recovery';
import { textTable } from './text-table.ts';

const HEX_BYTES_A_LINE = 16;

/** A letter's facts in JSON, without its bytes. */
export function letterFacts(letter: DeadLetter): Record<string, unknown> {
  return {
    id: toLetterId(letter),
    code: letter.code,
    reason: letter.reason,
    topic: letter.topic,
    kafka_partition: letter.kafkaPartition,
    kafka_offset: letter.kafkaOffset,
    recorded_at: new Date(letter.recordTimestamp).toISOString(),
    bytes: letter.recordValue?.length ?? 0,
  };
}

/** Letters as a table, one a line. */
export function lettersTable(letters: readonly DeadLetter[]): string {
  return textTable(
    ['id', 'code', 'recorded at', 'bytes', 'reason'],
    letters.map((letter) => [
      toLetterId(letter),
      letter.code,
      new Date(letter.recordTimestamp).toISOString(),
      letter.recordValue?.length ?? 0,
      letter.reason,
    ]),
  );
}

/** A letter with its bytes in hex and, where this version can read them, as the event that they are. */
export function letterDetails(letter: DeadLetter): Record<string, unknown> {
  const state = letterState(letter);
  return {
    ...letterFacts(letter),
    record_key: letter.recordKey?.toString('utf8') ?? null,
    record_value_hex: letter.recordValue?.toString('hex') ?? null,
    replay: state.kind === 'fit' ? 'would be taken' : `would be refused: ${state.code}, ${state.reason}`,
    // The event's own facts; bytes as hex and amounts as integers of picodollars, because JSON has neither.
    decoded: state.kind === 'fit' ? JSON.parse(JSON.stringify(state.event, toJson)) : null,
  };
}

/** The same for a person. */
export function letterText(letter: DeadLetter): string {
  const { record_value_hex: _hex, decoded, ...facts } = letterDetails(letter);
  return [
    ...Object.entries(facts).map(([name, value]) => `${name}: ${value}`),
    decoded === null ? 'decoded: not by this version' : `decoded: ${JSON.stringify(decoded, null, 2)}`,
    'bytes:',
    ...hexLines(letter.recordValue ?? Buffer.alloc(0)),
  ].join('\n');
}

/** Offset, bytes in hex, and the printable ones among them. */
export function hexLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; start += HEX_BYTES_A_LINE) {
    const part = bytes.subarray(start, start + HEX_BYTES_A_LINE);
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...part]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
      .join('');
    lines.push(`${start.toString(16).padStart(6, '0')}  ${hex.padEnd(HEX_BYTES_A_LINE * 3 - 1)}  ${text}`);
  }
  return lines;
}

function toJson(this: unknown, key: string, value: unknown): unknown {
  // Buffers have become objects by the time they come here, so they are taken from their holder.
  const original = (this as Record<string, unknown>)[key]; // JSON.stringify calls with the holder.
  if (original instanceof Uint8Array) return Buffer.from(original).toString('hex');
  return typeof value === 'bigint' ? String(value) : value;
}
