import { expect, test } from 'vitest';
import { compare, faultOf, interleaveAll } from './rounds.ts';

test('baselines run before ours in their order and behind it in reverse, round by round', async () => {
  const runs: string[] = [];
  const run = (name: string) => async (round: number, place: string) => {
    runs.push(`${name} ${round} ${place}`);
    return runs.length;
  };
  const rounds = await interleaveAll(2, {
    baselines: new Map([
      ['a', run('a')],
      ['b', run('b')],
    ]),
    ours: (round) => run('ours')(round, '-'),
  });
  expect(runs.slice(0, 5)).toEqual(['a 0 before', 'b 0 before', 'ours 0 -', 'b 0 after', 'a 0 after']);
  expect(rounds.get('a')).toEqual([
    { before: 1, ours: 3, after: 5 },
    { before: 6, ours: 8, after: 10 },
  ]);
  expect(rounds.get('b')).toEqual([
    { before: 2, ours: 3, after: 4 },
    { before: 7, ours: 8, after: 9 },
  ]);
});

test('a baseline that moves by more than 15 % between rounds makes no figure', () => {
  const still = [
    { before: 100, ours: 50, after: 100 },
    { before: 110, ours: 55, after: 110 },
  ];
  const moved = [...still, { before: 130, ours: 55, after: 130 }];
  expect(faultOf(compare(still, (rate) => rate, 'rate'))).toBeNull();
  expect(compare(still, (rate) => rate, 'rate').ratio.median).toBe(0.5);
  expect(faultOf(compare(moved, (rate) => rate, 'rate'))).toBe(
    'the baseline itself moved by 27 % between rounds',
  );
});
