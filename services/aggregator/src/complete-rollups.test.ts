import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lackingTimes } from './complete-rollups.ts';

const place = { stream: 1, kafkaPartition: 0 };
const share = (kafkaPartition: number, ...sums: bigint[]) => ({ stream: 1, kafkaPartition, sums });

it('finds what is lacking, there, or there twice of a block, whatever the others lack', () => {
  const sums = fc.array(fc.bigInt(1n, 10n ** 15n), { minLength: 22, maxLength: 22 });
  const block = fc.record({ sums, times: fc.constantFrom(-1, 0, 1) });
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 5 }), (blocks) => {
      const difference = Array.from({ length: 22 }, (_, column) =>
        blocks.reduce((sum, each) => sum + BigInt(each.times) * (each.sums[column] ?? 0n), 0n),
      );
      const shares = blocks.map((each, index) => share(index, ...each.sums));
      expect(lackingTimes({ difference, shares }, place)).toBe(blocks[0]?.times);
    }),
  );
});

it('cannot tell two blocks apart that come to the same', () => {
  const shares = [share(0, 1n, 7n), share(1, 1n, 7n)];
  expect(lackingTimes({ difference: [1n, 7n], shares }, place)).toBeNull();
  expect(lackingTimes({ difference: [2n, 14n], shares }, place)).toBe(1);
});

it('cannot explain what no blocks in flight come to', () => {
  expect(lackingTimes({ difference: [1n, 8n], shares: [share(0, 1n, 7n)] }, place)).toBeNull();
  expect(lackingTimes({ difference: [1n, 7n], shares: [share(1, 1n, 7n)] }, place)).toBeNull();
  expect(lackingTimes({ difference: [1n, 7n], shares: [] }, place)).toBeNull();
});

it('leaves alone what is right', () => {
  expect(lackingTimes({ difference: [0n, 0n], shares: [share(0, 1n, 7n)] }, place)).toBe(0);
  expect(lackingTimes({ difference: [0n, 0n], shares: [] }, place)).toBe(0);
});

it('does not try more than eight blocks', () => {
  const shares = Array.from({ length: 9 }, (_, index) => share(index, BigInt(3 ** index)));
  expect(lackingTimes({ difference: [1n], shares }, place)).toBeNull();
  expect(lackingTimes({ difference: [1n], shares: shares.slice(0, 8) }, place)).toBe(1);
});
