import type { ConsumerProgress, PartitionProgress } from '@meterstone/kafka';
import { describe, expect, it } from 'vitest';
import { PROGRESS_TIMEOUT_MS, readinessOf } from './progress.ts';

const NOW = 1_000_000;

function running(...kafkaPartitions: readonly Partial<PartitionProgress>[]): ConsumerProgress {
  return {
    state: 'running',
    fetchedAtMs: NOW,
    kafkaPartitions: kafkaPartitions.map((facts, kafkaPartition) => ({
      kafkaPartition,
      nextOffset: 100,
      lag: 0,
      movedAtMs: NOW,
      stopped: null,
      ...facts,
    })),
  };
}

describe('readiness', () => {
  it('begins with the first assignment, even of no Kafka partition at all', () => {
    expect(readinessOf('starting', new Map(), NOW)).toEqual({ ready: false, reasons: ['starting'] });
    const joining: ConsumerProgress = { ...running(), state: 'joining' };
    expect(readinessOf(joining, new Map(), NOW)).toEqual({
      ready: false,
      reasons: ['the consumer is joining'],
    });
    expect(readinessOf(running(), new Map(), NOW)).toEqual({ ready: true, reasons: [] });
  });

  it('ends when records wait and none is stored for longer than the progress timeout', () => {
    const consumer = running({ movedAtMs: 0 }, { lag: 12, movedAtMs: NOW - PROGRESS_TIMEOUT_MS });
    expect(readinessOf(consumer, new Map(), NOW).ready).toBe(true);
    expect(readinessOf(consumer, new Map(), NOW + 1)).toEqual({
      ready: false,
      reasons: ['Kafka partition 1: 12 records wait and none was stored for 60 s'],
    });
  });

  it('does not take an assigned Kafka partition for granted that was never read', () => {
    const consumer = running({ lag: null, nextOffset: null, movedAtMs: NOW - PROGRESS_TIMEOUT_MS - 1 });
    expect(readinessOf(consumer, new Map(), NOW).reasons).toEqual([
      'Kafka partition 0: not read for 60 s since it was assigned',
    ]);
  });

  it('says what keeps a Kafka partition from going on', () => {
    const troubles = new Map([[1, 'rows cannot be stored (server_busy)']]);
    expect(readinessOf(running({}, {}), troubles, NOW)).toEqual({
      ready: false,
      reasons: ['Kafka partition 1: rows cannot be stored (server_busy)'],
    });
    expect(readinessOf(running({}), troubles, NOW).ready).toBe(true);
  });

  it('reports a Kafka partition that the consumer stopped', () => {
    expect(readinessOf(running({ stopped: 'offset_out_of_range' }), new Map(), NOW).reasons).toEqual([
      'Kafka partition 0: stopped, offset_out_of_range',
    ]);
  });
});
