import { type DeadLetter, decodeDeadLetter } from '@meterstone/events';
import { describe, expect, it } from 'vitest';
import { LETTER_VALUE_BYTES_MAX, toLetterRecords } from './dead-letters.ts';

const letter: DeadLetter = {
  stream: 1,
  topic: 'usage-events',
  kafkaPartition: 3,
  kafkaOffset: 77,
  recordTimestamp: 5,
  recordKey: Buffer.from('key'),
  recordValue: Buffer.from('noise'),
  code: 'undecodable',
  reason: 'noise',
};

describe('records of dead letters', () => {
  it('are named by their identity and hold the original bytes', () => {
    const [record] = toLetterRecords([letter]);
    expect(record?.key).toBe('1-3-77');
    expect(decodeDeadLetter(record?.value ?? Buffer.alloc(0))).toEqual(letter);
  });

  it('are cut where a broker would refuse them, and say so', () => {
    const [record] = toLetterRecords([{ ...letter, recordValue: Buffer.alloc(LETTER_VALUE_BYTES_MAX + 1) }]);
    const read = decodeDeadLetter(record?.value ?? Buffer.alloc(0));
    expect(read.recordValue?.length).toBe(LETTER_VALUE_BYTES_MAX);
    expect(read.reason).toBe('noise; cut here to 1000000 of 1000001 bytes');
    expect(record?.value.length).toBeLessThan(1_048_000);
  });
});
