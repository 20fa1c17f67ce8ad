import { expect, test } from 'vitest';
import { BLOCK_ROWS_MAX, engineBlockRows } from './kafka-engine.ts';

test('the blocks of a consumer are all full', () => {
  for (const [events, rowsPerMessage] of [
    [300_000, 1],
    [300_000, 500],
    [8_000_000, 1],
    [8_000_000, 500],
    [40_000, 1],
  ] as const) {
    const rows = engineBlockRows(events, rowsPerMessage);
    expect(rows).toBeLessThanOrEqual(BLOCK_ROWS_MAX);
    expect(rows % rowsPerMessage).toBe(0);
    expect((events / 2) % rows).toBe(0);
  }
});

test('where no block size fits, blocks are as large as they may be', () => {
  expect(engineBlockRows(2 * 1_048_583, 1)).toBe(BLOCK_ROWS_MAX);
});
