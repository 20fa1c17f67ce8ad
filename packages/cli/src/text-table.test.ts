import { expect, it } from 'vitest';
import { textTable } from './text-table.ts';

it('puts text to the left and numbers to the right', () => {
  expect(
    textTable(
      ['user', 'requests'],
      [
        ['globex', 5],
        ['initech-long', 12],
      ],
    ),
  ).toBe(
    [
      'user          requests',
      '------------  --------',
      'globex               5',
      'initech-long        12',
    ].join('\n'),
  );
});

it('has a head even without rows', () => {
  expect(textTable(['a', 'b'], [])).toBe('a  b\n-  -');
});
