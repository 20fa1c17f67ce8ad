import type { FetchedBatch, ProducerRecord } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { createUserKeyer, type RawBlock, rawBlockBytes, rawBlockRowCount } from '@meterstone/store';
import { describe, expect, it } from 'vitest';
import { createCounters } from './counters.ts';
import { createContentHasher } from './event-content.ts';
import { EXAMPLE_SECRET, exampleEvent, exampleRecord, exampleTerms } from './example.ts';
import { createPartitionLoop, ORG_WAIT_MS_MAX } from './partition-loop.ts';

const current = { isCurrent: () => true };

/** A log of one Kafka partition, the loop over it, and all that the loop wrote, in order. */
function setUp(values: readonly (UsageEvent | Buffer)[]) {
  const written: string[] = [];
  const blocks: { token: string; bytes: Buffer }[] = [];
  const failing = new Set<string>();
  const clock = { ms: 0 };
  const state = { terms: exampleTerms() };
  const counters = createCounters();
  const troubles = new Map<number, string>();
  const records = values.map((value, offset) => exampleRecord(offset, value));
  const write = async (what: string, text: string) => {
    if (failing.has(what)) {
      throw Object.assign(new Error('broken'), { code: 'server_busy' });
    }
    written.push(text);
  };
  const loop = createPartitionLoop({
    stream: 1,
    terms: () => state.terms,
    readRecords: async (_, from, to) => records.slice(from, to),
    writers: {
      insertUsers: (users) => write('users', `users ${users.map(({ user }) => user).join()}`),
      insertRows: (block: RawBlock, token: string) => {
        blocks.push({ token, bytes: rawBlockBytes(block) });
        return write('rows', `${rawBlockRowCount(block)} rows ${token}`);
      },
      sendDeadLetters: (letters: readonly ProducerRecord[]) =>
        write('letters', `letters ${letters.map(({ key }) => key).join()}`),
    },
    userKeyOf: createUserKeyer(EXAMPLE_SECRET),
    contentOf: createContentHasher(),
    counters,
    troubles,
    logger: createLogger({ service: 'aggregator', level: 'silent' }),
    now: () => clock.ms,
  });
  const batch = (firstOffset: number, nextOffset: number): FetchedBatch => ({
    topic: 'usage-events',
    kafkaPartition: 3,
    firstOffset,
    nextOffset,
    records: records.slice(firstOffset, nextOffset),
  });
  return { loop, batch, written, blocks, failing, clock, state, counters, troubles };
}

describe('the partition loop', () => {
  it('writes users, then rows, then dead letters', async () => {
    const { loop, batch, written, counters } = setUp([
      exampleEvent(1),
      Buffer.from('noise'),
      exampleEvent(1),
    ]);
    await loop.onBatch(batch(0, 3), current);
    expect(written).toEqual(['users customer-1', '1 rows us1-p3-0-3-l1', 'letters 1-3-1']);
    expect(counters).toMatchObject({ records: 3, stored: 1, duplicates: 1 });
    expect(Object.fromEntries(counters.deadLetters)).toEqual({ undecodable: 1 });
  });

  it('finds duplicates of earlier ranges, and of what stood there before it began', async () => {
    const events = [1, 2, 1, 3, 2, 3].map((name) => exampleEvent(name));
    const first = setUp(events);
    await first.loop.onBatch(first.batch(0, 2), current);
    await first.loop.onBatch(first.batch(2, 4), current);
    await first.loop.onBatch(first.batch(4, 6), current);
    expect(first.counters).toMatchObject({ stored: 3, duplicates: 3 });
    const heir = setUp(events);
    await heir.loop.onBatch(heir.batch(2, 6), current);
    expect(heir.counters).toMatchObject({ stored: 1, duplicates: 3 });
  });

  it('gives a range that is read again the same rows under the same token', async () => {
    const { loop, batch, blocks } = setUp([exampleEvent(1), exampleEvent(2)]);
    await loop.onBatch(batch(0, 2), current);
    await loop.onBatch(batch(0, 2), current);
    expect(blocks[1]?.token).toBe(blocks[0]?.token);
    expect(blocks[1]?.bytes.equals(blocks[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it('goes on where an attempt failed, without rating anew under other terms', async () => {
    const { loop, batch, written, blocks, failing, state, counters, troubles } = setUp([
      exampleEvent(1),
      Buffer.from('noise'),
    ]);
    failing.add('rows');
    await expect(loop.onBatch(batch(0, 2), current)).rejects.toThrow('broken');
    expect(troubles.get(3)).toBe('nothing can be stored at the moment (server_busy)');
    expect(Object.fromEntries(counters.failures)).toEqual({ server_busy: 1 });
    expect(counters.records).toBe(0);
    state.terms = exampleTerms({ epoch: 'epoch-2' });
    failing.delete('rows');
    failing.add('letters');
    await expect(loop.onBatch(batch(0, 2), current)).rejects.toThrow('broken');
    failing.delete('letters');
    await loop.onBatch(batch(0, 2), current);
    expect(written).toEqual(['users customer-1', '1 rows us1-p3-0-2-l1', 'letters 1-3-1']);
    expect(blocks[1]?.bytes.equals(blocks[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(troubles.size).toBe(0);
    expect(counters.records).toBe(2);
  });

  it('stores nothing of a Kafka partition that is no longer its own', async () => {
    const { loop, batch, written } = setUp([exampleEvent(1)]);
    await expect(loop.onBatch(batch(0, 1), { isCurrent: () => false })).rejects.toMatchObject({
      code: 'assignment_lost',
    });
    expect(written).toEqual([]);
  });

  it('waits for an unknown org, says so, and goes on when it is configured', async () => {
    const { loop, batch, written, clock, state, troubles } = setUp([exampleEvent(1, { orgId: 'newcomer' })]);
    await expect(loop.onBatch(batch(0, 1), current)).rejects.toMatchObject({ code: 'unknown_org' });
    expect(troubles.get(3)).toBe('waits, offset 0 is of org newcomer, which is not configured');
    clock.ms += ORG_WAIT_MS_MAX;
    await expect(loop.onBatch(batch(0, 1), current)).rejects.toMatchObject({ code: 'unknown_org' });
    expect(troubles.get(3)).toBe('stopped, offset 0 is of org newcomer, which is not configured');
    expect(written).toEqual([]);
    const acme = state.terms.orgs.get('acme');
    state.terms = exampleTerms({ orgs: new Map(acme === undefined ? [] : [['newcomer', acme]]) });
    await loop.onBatch(batch(0, 1), current);
    expect(written).toContain('1 rows us1-p3-0-1-l1');
    expect(troubles.size).toBe(0);
  });

  it('forgets a Kafka partition that it lost, and reads anew what stands before the next range', async () => {
    const { loop, batch, counters } = setUp([1, 2, 1, 2].map((name) => exampleEvent(name)));
    await loop.onBatch(batch(0, 1), current);
    loop.onAssigned([]);
    loop.onAssigned([3]);
    await loop.onBatch(batch(2, 4), current);
    expect(counters).toMatchObject({ records: 3, stored: 1, duplicates: 2 });
  });
});
