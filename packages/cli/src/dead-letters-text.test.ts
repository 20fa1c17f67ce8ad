import { expect, it } from 'vitest';
import { hexLines, letterDetails, lettersTable, letterText } from './dead-letters-text.ts';

const letter = {
  stream: 1,
  topic: 'meterstone.usage-events',
  kafkaPartition: 3,
  kafkaOffset: 42,
  recordTimestamp: Date.UTC(2026, 0, 31, 12),
  recordKey: Buffer.from('operation-1'),
  recordValue: Buffer.from('not an event at all'),
  code: 'undecodable',
  reason: 'the record has neither Avro single-object nor Confluent framing',
};

it('shows bytes as offset, hex and text', () => {
  expect(hexLines(letter.recordValue)).toEqual([
    '000000  6e 6f 74 20 61 6e 20 65 76 65 6e 74 20 61 74 20  not an event at ',
    `000010  61 6c 6c${' '.repeat(39)}  all`,
  ]);
  expect(hexLines(Buffer.alloc(0))).toEqual([]);
  expect(hexLines(Buffer.from([0, 10, 255]))[0]).toMatch(/^000000 {2}00 0a ff +\.{3}$/);
});

it('lists letters by their names', () => {
  const [, , line] = lettersTable([letter]).split('\n');
  expect(line).toMatch(/^1-3-42 +undecodable +2026-01-31T12:00:00.000Z +19 +the record/);
});

it('says of one letter where it stood, why it is one and what a replay would do', () => {
  expect(letterDetails(letter)).toMatchObject({
    id: '1-3-42',
    kafka_partition: 3,
    kafka_offset: 42,
    recorded_at: '2026-01-31T12:00:00.000Z',
    record_key: 'operation-1',
    record_value_hex: letter.recordValue.toString('hex'),
    replay: expect.stringContaining('would be refused: undecodable'),
    decoded: null,
  });
  expect(letterText(letter)).toContain('000000  6e 6f');
});
