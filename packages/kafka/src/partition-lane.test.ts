import { describe, expect, it } from 'vitest';
import { KafkaError } from './errors.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { PartitionFetch } from './partition-fetch.ts';
import { type LaneOptions, PartitionLane, QUEUED_BYTES_MAX } from './partition-lane.ts';
import { Permits } from './permits.ts';
import { RecordList } from './record-list.ts';

/** What a fetch at `position` brought: records at the given offsets, and others left out up to `last`. */
function fetched(position: number, offsets: readonly number[], last = offsets.at(-1) ?? 0): PartitionFetch {
  const records = offsets.map((offset) => ({ offset, timestampMs: 0, key: null, value: Buffer.alloc(0) }));
  const place = { topic: 'topic', kafkaPartition: 4, position, logEnd: 1_000 };
  return { ...place, records: RecordList.of(records), nextOffset: last + 1, bytes: 100, fault: null };
}

/** A lane that runs, and what it did. */
function openLane(options: Partial<LaneOptions> = {}) {
  const ending = new AbortController();
  const did: string[] = [];
  const ranges: FetchedBatch[] = [];
  const lane = new PartitionLane({
    recordsMax: 10,
    growth: () => ({ records: 1, ageMs: 0 }),
    permits: new Permits(2),
    ending: ending.signal,
    random: () => 0,
    begin: async () => 100,
    handle: async (range) => void ranges.push(range),
    commit: async (nextOffset) => void did.push(`commit ${nextOffset}`),
    onBegun: (position) => void did.push(`begun ${position}`),
    onMoved: () => undefined,
    onStopped: (reason) => void did.push(`stopped: ${reason}`),
    onRetry: ({ step }) => void did.push(`retry ${step}`),
    pause: () => void did.push('pause'),
    resume: () => void did.push('resume'),
    ...options,
  });
  const ended = lane.run();
  const close = async () => {
    ending.abort();
    await ended;
  };
  return { lane, did, ranges, close, ended };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const spans = (ranges: readonly FetchedBatch[]) =>
  ranges.map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset]);

describe('a lane', () => {
  it('tiles its Kafka partition over gaps that were seen to hold no record', async () => {
    const { lane, ranges, did, close } = openLane();
    await settle();
    lane.offer(fetched(100, [103, 104], 106));
    await settle();
    lane.skip(fetched(107, [], 109));
    lane.skip(fetched(110, [], 119));
    lane.offer(fetched(120, [125]));
    await settle();
    await close();
    expect(spans(ranges)).toEqual([
      [100, 107],
      [107, 126],
    ]);
    expect(did).toEqual(['begun 100', 'commit 107', 'commit 126']);
  });

  it('lets a range grow until it has the records that are asked for, or its first one is so old', async () => {
    let growth = { records: 3, ageMs: 60_000 };
    const { lane, ranges, close } = openLane({ growth: () => growth });
    await settle();
    lane.offer(fetched(100, [100, 101]));
    await settle();
    expect(ranges).toEqual([]);
    lane.offer(fetched(102, [102]));
    await expect.poll(() => spans(ranges)).toEqual([[100, 103]]);

    growth = { records: 3, ageMs: 20 };
    lane.offer(fetched(103, [103, 104]));
    await expect.poll(() => spans(ranges).at(-1)).toEqual([103, 105]);

    growth = { records: Number.POSITIVE_INFINITY, ageMs: 60_000 };
    lane.offer(fetched(105, [105, 106, 107, 108, 109, 110, 111, 112, 113]));
    await settle();
    expect(ranges).toHaveLength(2);
    lane.offer(fetched(114, [114]));
    await expect.poll(() => spans(ranges).at(-1)).toEqual([105, 115]);
    await close();
  });

  it('gives up a range that waits to grow when the membership ends, and handles it before an end of its own', async () => {
    const waiting = openLane({ growth: () => ({ records: 10, ageMs: 60_000 }) });
    await settle();
    waiting.lane.offer(fetched(100, [100]));
    await settle();
    await waiting.close();
    expect(waiting.ranges).toEqual([]);

    const ending = openLane({ growth: () => ({ records: 10, ageMs: 60_000 }) });
    await settle();
    ending.lane.offer(fetched(100, [100]));
    await settle();
    ending.lane.stopBehind('it cannot be read');
    await ending.ended;
    expect(spans(ending.ranges)).toEqual([[100, 101]]);
  });

  it('stops before what cannot be read only when all that waits is handled', async () => {
    const gate = Promise.withResolvers<void>();
    const { lane, did, ended } = openLane({ handle: () => gate.promise });
    await settle();
    lane.offer(fetched(100, [100, 101]));
    await settle();
    lane.offer(fetched(102, [102]));
    lane.stopBehind('it cannot be read');
    lane.stopBehind('it cannot be read');
    gate.resolve();
    await ended;
    expect(did).toEqual(['begun 100', 'pause', 'commit 102', 'commit 103', 'stopped: it cannot be read']);
  });

  it.each([
    ['a hole', 130],
    ['what was handled already', 90],
  ])('stops at %s, and handles nothing more', async (_, fetchedOffset) => {
    const { lane, ranges, did, close } = openLane();
    await settle();
    lane.offer(fetched(100, [100, 101]));
    await settle();
    lane.offer(fetched(fetchedOffset, [fetchedOffset]));
    lane.offer(fetched(102, [102]));
    await settle();
    await close();
    expect(spans(ranges)).toEqual([[100, 102]]);
    expect(did.at(-1)).toBe(`stopped: offset ${fetchedOffset} was fetched where 102 was expected`);
  });

  it('begins where the first fetch does, if it has no position of its own', async () => {
    const { lane, ranges, close } = openLane({ begin: async () => null });
    await settle();
    lane.offer(fetched(7, [9]));
    await settle();
    await close();
    expect(spans(ranges)).toEqual([[7, 10]]);
  });

  it('holds up its fetches while a whole range waits, and joins what waits into one', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const ranges: FetchedBatch[] = [];
    const { lane, did, close } = openLane({
      handle: async (range) => {
        ranges.push(range);
        await held;
      },
    });
    await settle();
    lane.offer(fetched(100, [100]));
    await settle();
    lane.offer(fetched(101, [101, 102, 103]));
    lane.offer(fetched(104, [104, 105, 106]));
    expect(did).not.toContain('pause');
    lane.offer(fetched(107, [107, 108, 109, 110, 111]));
    expect(did.at(-1)).toBe('pause');
    expect(lane.isIdle).toBe(false);
    release();
    await settle();
    expect(did).toContain('resume');
    expect(spans(ranges)).toEqual([
      [100, 101],
      [101, 107],
      [107, 112],
    ]);
    expect(ranges.map(({ records }) => Array.from(records, ({ offset }) => offset))).toEqual([
      [100],
      [101, 102, 103, 104, 105, 106],
      [107, 108, 109, 110, 111],
    ]);
    expect(lane.isIdle).toBe(true);
    await close();
  });

  it('holds up its fetches while so many bytes wait, however few records they are', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { lane, did, close } = openLane({ handle: () => held });
    await settle();
    lane.offer({ ...fetched(100, [100]), bytes: QUEUED_BYTES_MAX });
    await settle();
    lane.offer({ ...fetched(101, [101, 102]), bytes: QUEUED_BYTES_MAX - 1 });
    expect(did).toEqual(['begun 100', 'pause', 'resume']);
    lane.offer({ ...fetched(103, [103]), bytes: 1 });
    expect(did.at(-1)).toBe('pause');
    release();
    await settle();
    expect(did.slice(3)).toEqual(['pause', 'commit 101', 'resume', 'commit 104']);
    await close();
  });

  it('takes what came while it waited for its turn, and nothing if it has to end meanwhile', async () => {
    const permits = new Permits(1);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const other = permits.run(() => held);
    const [waiting, ending] = [openLane({ permits }), openLane({ permits })];
    await settle();
    waiting.lane.offer(fetched(100, [100]));
    ending.lane.offer(fetched(100, [100]));
    await settle();
    waiting.lane.offer(fetched(101, [101]));
    const ended = ending.close();
    release();
    await Promise.all([other, ended]);
    await settle();
    await waiting.close();
    expect(spans(waiting.ranges)).toEqual([[100, 102]]);
    expect(ending.did).toEqual(['begun 100']);
  });

  it('drops what waits when it is stopped from outside', async () => {
    const { lane, ranges, did, close } = openLane();
    await settle();
    lane.offer(fetched(100, [100]));
    lane.stop('the record batch at offset 101 cannot be read');
    lane.offer(fetched(101, [101]));
    await settle();
    await close();
    expect({ ranges, did }).toEqual({
      ranges: [],
      did: ['begun 100', 'stopped: the record batch at offset 101 cannot be read'],
    });
  });

  it('commits a range that was handled when the membership ended meanwhile, and begins no other', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { lane, did, close } = openLane({ handle: () => held });
    await settle();
    lane.offer(fetched(100, [100]));
    await settle();
    lane.offer(fetched(101, [101]));
    const closed = close();
    release();
    await closed;
    expect(did).toEqual(['begun 100', 'commit 101']);
  });

  it('gives up a range that fails once the membership has ended', async () => {
    let calls = 0;
    const { lane, did, close } = openLane({
      handle: async () => {
        calls += 1;
        throw new Error('broken');
      },
    });
    await settle();
    lane.offer(fetched(100, [100]));
    await settle();
    await close();
    expect({ calls, did }).toEqual({ calls: 1, did: ['begun 100', 'retry handle'] });
  });

  it('never begins where a person has to decide', async () => {
    const { did, ended } = openLane({
      begin: async () => {
        throw new KafkaError('the ledger is behind', { code: 'partition_stopped', retryable: false });
      },
    });
    await ended;
    expect(did).toEqual(['stopped: the ledger is behind']);
  });
});
