import { expect, it } from 'vitest';
import { exampleFetched } from './example.ts';
import { isReplay } from './replayed-letter.ts';

it.each([
  ['replay-1-3-40', true],
  ['replay-1-3', false],
  ['replay-1-3-40x', false],
  ['replay-a-3-40', false],
  ['operation-1', false],
  [`replay-1-3-${'4'.repeat(80)}`, false],
  ['', false],
  [null, false],
])('a record with the key %s is one of a letter: %s', (key, expected) => {
  expect(isReplay({ ...exampleFetched(1, null), key: key === null ? null : Buffer.from(key) })).toBe(
    expected,
  );
});
