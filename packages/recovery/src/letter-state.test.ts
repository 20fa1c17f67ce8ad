import { expect, it } from 'vitest';
import { exampleBytes, exampleEvent, exampleLetter } from './example.ts';
import { letterState } from './letter-state.ts';

it('finds a letter fit whose bytes this version reads and finds valid', () => {
  const letter = exampleLetter(7);
  expect(letterState(letter)).toMatchObject({
    kind: 'fit',
    value: letter.recordValue,
    event: { orgId: 'acme' },
  });
});

it.each([
  ['no value', { recordValue: null }, 'no_value'],
  ['bytes that are no event', { recordValue: Buffer.from('nothing') }, 'undecodable'],
  [
    'an event that is still invalid',
    { recordValue: exampleBytes(exampleEvent(1, { orgId: '' })) },
    'text_missing',
  ],
  ['a part of a record', { recordValue: Buffer.alloc(1_000_000) }, 'cut'],
  ['a conflict, which stays one', { code: 'duplicate_conflict' }, 'duplicate_conflict'],
])('finds %s unfit', (_name, facts, code) => {
  expect(letterState(exampleLetter(7, facts))).toMatchObject({ kind: 'unfit', code });
});
