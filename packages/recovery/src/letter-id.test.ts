import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromLetterId, toLetterId } from './letter-id.ts';

it('names every letter so that its coordinates can be read back', () => {
  fc.assert(
    fc.property(fc.nat(99_999), fc.nat(1_023), fc.nat(999_999_999), (stream, kafkaPartition, kafkaOffset) => {
      const coordinates = { stream, kafkaPartition, kafkaOffset };
      expect(fromLetterId(toLetterId(coordinates))).toEqual(coordinates);
    }),
  );
});

it.each(['', '1-2', '1-2-3-4', '1--3', 'a-b-c', ' 1-2-3', '1-2-3.5', '1-2-9999999999999999'])(
  'takes %j for no name',
  (text) => {
    expect(fromLetterId(text)).toBe(null);
  },
);
