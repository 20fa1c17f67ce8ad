import { describe, expect, it } from 'vitest';
import { exampleEvent, exampleFetched, exampleTerms } from './example.ts';
import { ExampleWorld, KAFKA_PARTITION, STEPS } from './example-world.ts';
import { parseIntent } from './intent.ts';
import { ORG_WAIT_MS_MAX } from './partition-loop.ts';
import { IDS_WORTH_A_FILTER } from './pending-range.ts';

const events = (...names: readonly number[]) => names.map((name) => exampleEvent(name));

describe('the partition loop', () => {
  it('writes the intent, then users, rows, dead letters and the ledger', async () => {
    const world = new ExampleWorld([exampleEvent(1), Buffer.from('noise'), exampleEvent(1)]);
    const loop = await world.assigned();
    await loop.onBatch(world.batch(0, 3), world.membership);
    expect(parseIntent(world.committed?.metadata ?? '')).toMatchObject({
      stream: 1,
      firstOffset: 0,
      nextOffset: 3,
      token: 'us1-p3-0-3-s1-l2',
      epoch: 'epoch-1',
      rows: 1,
    });
    expect(world.committed?.nextOffset).toBe(0);
    expect(world.written).toEqual([
      'users customer-1',
      '1 rows us1-p3-0-3-s1-l2',
      'letters 1-3-1',
      'ledger 0-3',
    ]);
    expect(world.counters).toMatchObject({ records: 3, stored: 1, duplicates: 1 });
    expect(Object.fromEntries(world.counters.deadLetters)).toEqual({ undecodable: 1 });
  });

  it('writes nothing where the intent was not acknowledged', async () => {
    const world = new ExampleWorld(events(1));
    world.failing.add('intent');
    await expect(world.run(1)).rejects.toThrow('died at intent');
    expect(world.written).toEqual([]);
  });

  it('says in the ledger what it stored', async () => {
    const world = new ExampleWorld([...events(1, 2), exampleEvent(2, { user: 'other' }), ...events(1)]);
    await world.run(4);
    // 1,000 tokens in at $2.50 a million and 100 out at $10.00 for each of two; charged 1.2 times that.
    expect([...world.ledger.values()]).toMatchObject([
      {
        records: 4,
        stored: 2,
        duplicates: 1,
        deadLetters: 1,
        rowLayout: 2,
        lastRecord: { offset: 3 },
        ingestedAtMax: exampleEvent(1).ingestedAt,
        sums: {
          tokens: { inputTokens: 2_000n, outputTokens: 200n, reasoningTokens: 0n },
          amounts: { marketCost: 7_000_000_000n, charge: 8_400_000_000n, surchargeCost: 0n },
        },
      },
    ]);
  });

  it('finds duplicates of earlier ranges, and of what stood there before it began', async () => {
    const world = new ExampleWorld(events(1, 2, 1, 3, 2, 3));
    await world.run(2);
    expect(world.counters).toMatchObject({ stored: 3, duplicates: 3 });
    const heir = new ExampleWorld(events(1, 2, 1, 3, 2, 3));
    const loop = await heir.assigned();
    await loop.onBatch(heir.batch(2, 6), heir.membership);
    expect(heir.counters).toMatchObject({ stored: 1, duplicates: 3 });
  });

  it('gives a range that is read again the same rows under the same token', async () => {
    const world = new ExampleWorld(events(1, 2));
    const loop = await world.assigned();
    await loop.onBatch(world.batch(0, 2), world.membership);
    const [first] = world.blocks.values();
    world.blocks.clear();
    await loop.onBatch(world.batch(0, 2), world.membership);
    expect([...world.blocks.values()]).toEqual([first]);
  });

  it('goes on where an attempt failed, without rating anew under other terms', async () => {
    const world = new ExampleWorld([exampleEvent(1), Buffer.from('noise')]);
    const { failing, counters, troubles, membership } = world;
    const loop = await world.assigned();
    failing.add('rows');
    await expect(loop.onBatch(world.batch(0, 2), membership)).rejects.toThrow('died at rows');
    expect(troubles.get(3)).toBe('nothing can be stored at the moment (unreachable)');
    expect(Object.fromEntries(counters.failures)).toEqual({ unreachable: 1 });
    expect(counters.records).toBe(0);
    world.terms = exampleTerms({ epoch: 'epoch-2' });
    failing.delete('rows');
    failing.add('letters');
    await expect(loop.onBatch(world.batch(0, 2), membership)).rejects.toThrow('died at letters');
    failing.delete('letters');
    await loop.onBatch(world.batch(0, 2), membership);
    expect(world.written).toEqual([
      'users customer-1',
      '1 rows us1-p3-0-2-s1-l2',
      'letters 1-3-1',
      'ledger 0-2',
    ]);
    expect([...world.ledger.values()]).toMatchObject([{ epoch: 'epoch-1' }]);
    expect(troubles.size).toBe(0);
    expect(counters.records).toBe(2);
  });

  it('stores nothing of a Kafka partition that is no longer its own', async () => {
    const world = new ExampleWorld(events(1));
    const lost = { ...world.membership, isCurrent: () => false };
    const loop = await world.assigned();
    await expect(loop.onBatch(world.batch(0, 1), lost)).rejects.toMatchObject({
      code: 'assignment_lost',
    });
    expect(world.written).toEqual([]);
    expect(world.committed).toBeNull();
  });

  it('waits for an unknown org, says so, and goes on when it is configured', async () => {
    const world = new ExampleWorld([exampleEvent(1, { orgId: 'newcomer' })]);
    const { troubles, membership } = world;
    const loop = await world.assigned();
    await expect(loop.onBatch(world.batch(0, 1), membership)).rejects.toMatchObject({ code: 'unknown_org' });
    expect(troubles.get(3)).toBe('waits, offset 0 is of org newcomer, which is not configured');
    world.nowMs += ORG_WAIT_MS_MAX;
    await expect(loop.onBatch(world.batch(0, 1), membership)).rejects.toMatchObject({ code: 'unknown_org' });
    expect(troubles.get(3)).toBe('stopped, offset 0 is of org newcomer, which is not configured');
    expect(world.written).toEqual([]);
    const acme = world.terms.orgs.get('acme');
    world.terms = exampleTerms({ orgs: new Map(acme === undefined ? [] : [['newcomer', acme]]) });
    await loop.onBatch(world.batch(0, 1), membership);
    expect(world.written).toContain('1 rows us1-p3-0-1-s1-l2');
    expect(troubles.size).toBe(0);
  });

  it('stores a letter that was sent again, though what it was made of is readable by now', async () => {
    const world = new ExampleWorld([Buffer.from('noise'), ...events(2, 1, 1, 1)]);
    const before = await world.assigned();
    await before.onBatch(world.batch(0, 2), world.membership);
    expect(world.counters.deadLetters.size).toBe(1);
    // A newer version reads at offset 0 what the older one could not.
    world.records[0] = exampleFetched(0, exampleEvent(1));
    world.refused.add(0);
    for (const offset of [3, 4]) {
      const record = world.records[offset] ?? expect.fail();
      world.records[offset] = { ...record, key: Buffer.from('replay-1-3-0') };
    }
    const loop = await world.assigned();
    await loop.onBatch(world.batch(2, 3), world.membership);
    // Without that key it is a copy of what stands in the window.
    expect(world.counters).toMatchObject({ stored: 1, duplicates: 1, idsLookedUp: 0 });
    world.refused.add(2);
    await loop.onBatch(world.batch(3, 4), world.membership);
    expect(world.counters).toMatchObject({ stored: 2, duplicates: 1, idsLookedUp: 1 });
    await loop.onBatch(world.batch(4, 5), world.membership);
    expect(world.counters).toMatchObject({ stored: 2, duplicates: 2, idsLookedUp: 2 });
  });

  it('gives each block its own rows, though it takes the memory of the one before', async () => {
    const names = events(...Array.from({ length: 300 }, (_, name) => name));
    const world = new ExampleWorld(names);
    const loop = await world.assigned();
    for (const [from, to] of [
      [0, 200],
      [200, 250],
      [250, 300],
    ] as const) {
      await loop.onBatch(world.batch(from, to), world.membership);
    }
    const alone = await Promise.all(
      [...world.ledger.values()].map(async ({ firstOffset, nextOffset }) => {
        const other = new ExampleWorld(names);
        const first = await other.assigned();
        await first.onBatch(other.batch(firstOffset, nextOffset), other.membership);
        return [...other.blocks.values()];
      }),
    );
    expect([...world.blocks.values()]).toEqual(alone.flat());
  });

  it('forgets a Kafka partition that it lost, and reads anew what stands before the next range', async () => {
    const world = new ExampleWorld(events(1, 2, 1, 2));
    const loop = await world.assigned();
    await loop.onBatch(world.batch(0, 1), world.membership);
    loop.onMembership([]);
    loop.onMembership([KAFKA_PARTITION]);
    await loop.onAssigned(world.membership);
    await loop.onBatch(world.batch(2, 4), world.membership);
    expect(world.counters).toMatchObject({ records: 3, stored: 1, duplicates: 2 });
  });
});

describe('after a death at any point', () => {
  const VALUES = [
    ...events(1, 2),
    Buffer.from('noise'),
    ...events(2, 3, 4),
    exampleEvent(1, { user: 'other' }),
  ];

  it.each(STEPS)(
    '%s, the heir leaves what an undisturbed run leaves, whatever ranges it reads',
    async (step) => {
      const calm = new ExampleWorld(VALUES);
      await calm.run(4);
      for (const heirLength of [1, 2, 3, 7]) {
        const world = new ExampleWorld(VALUES);
        world.failing.add(step);
        await expect(world.run(4)).rejects.toThrow(`died at ${step}`);
        world.failing.clear();
        // Other terms are in force by now; what was begun is stored under its own.
        world.terms = exampleTerms({ epoch: 'epoch-2' });
        await world.run(heirLength);
        const first = [...calm.blocks][0];
        if (step !== 'intent') {
          expect([...world.blocks][0]).toEqual(first);
        }
        const stored = [...world.ledger.values()].reduce((sum, range) => sum + range.stored, 0);
        expect(stored).toBe(4);
        expect(world.committed).toEqual({ nextOffset: VALUES.length, metadata: null });
        let expected = 0;
        for (const { firstOffset, nextOffset } of world.ledger.values()) {
          expect(firstOffset).toBe(expected);
          expected = nextOffset;
        }
        expect(expected).toBe(VALUES.length);
      }
    },
  );

  it.each(['users', 'rows', 'rows unheard', 'letters', 'ledger'] as const)(
    '%s, the block that may be half stored is verified before its ledger row',
    async (step) => {
      const world = new ExampleWorld(VALUES);
      world.failing.add(step);
      await expect(world.run(4)).rejects.toThrow();
      expect(world.verified).toEqual([]);
      world.failing.clear();
      await world.run(4);
      expect(world.verified).toEqual(['us1-p3-0-4-s1-l2']);
      expect(world.counters.intentsCarriedOut).toBe(1);
    },
  );

  it('an answer that never came is verified by the same process too', async () => {
    const world = new ExampleWorld(VALUES);
    const loop = await world.assigned();
    world.failing.add('rows unheard');
    await expect(loop.onBatch(world.batch(0, 4), world.membership)).rejects.toThrow();
    world.failing.clear();
    await loop.onBatch(world.batch(0, 4), world.membership);
    expect(world.verified).toEqual(['us1-p3-0-4-s1-l2']);
  });
});

describe('what does not fit together stops its Kafka partition', () => {
  const stoppedBy = async (world: ExampleWorld) =>
    world.run(2).then(
      () => 'went on',
      (error: unknown) =>
        error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : String(error),
    );

  /** A world that died with an intent for [0, 2) and nothing stored. */
  async function half() {
    const world = new ExampleWorld(events(1, 2, 3));
    world.failing.add('users');
    await expect(world.run(2)).rejects.toThrow();
    world.failing.clear();
    return world;
  }

  it('where the terms of an intent are gone', async () => {
    const world = await half();
    world.termsByEpoch.clear();
    expect(await stoppedBy(world)).toMatch(
      /^partition_stopped: the terms of us1-p3-0-2-s1-l2, bundle epoch-1,.*recover/,
    );
    expect(world.written).toEqual([]);
  });

  it('where the block of an intent comes out another one', async () => {
    const world = await half();
    const acme = world.terms.orgs.get('acme');
    const cheaper = exampleTerms({
      orgs: new Map(acme === undefined ? [] : [['acme', { ...acme, plan: null }]]),
    });
    world.termsByEpoch.set('epoch-1', cheaper);
    expect(await stoppedBy(world)).toMatch(
      /^partition_stopped: the block of us1-p3-0-2-s1-l2 cannot be built again/,
    );
    expect(world.written).toEqual([]);
  });

  it('where the record before the position is not the one that was stored', async () => {
    const world = new ExampleWorld(events(1, 2, 3));
    await world.run(3);
    world.records[2] = {
      ...(world.records[2] ?? { offset: 2, timestampMs: 0, key: null }),
      value: Buffer.from('x'),
    };
    expect(await stoppedBy(world)).toMatch(
      /^partition_stopped: the record at offset 2 is not the one that was stored/,
    );
  });

  it('where the ledger is behind Kafka', async () => {
    const world = new ExampleWorld(events(1, 2, 3));
    await world.run(3);
    world.ledger.clear();
    expect(await stoppedBy(world)).toMatch(
      /^partition_stopped: Kafka's position 3 is ahead of the ledger's 0/,
    );
  });
});

describe('a Kafka partition that is refused', () => {
  it('stores nothing more, and says why, until it is assigned anew', async () => {
    const world = new ExampleWorld(events(1, 2));
    const loop = await world.assigned();
    expect(loop.storedTo()).toEqual([{ stream: 1, kafkaPartition: KAFKA_PARTITION, nextOffset: 0 }]);
    await loop.onBatch(world.batch(0, 1), world.membership);
    expect(loop.storedTo()).toMatchObject([{ nextOffset: 1 }]);
    loop.refuse(KAFKA_PARTITION, 'the ledger has gone back');
    expect(world.troubles.get(KAFKA_PARTITION)).toBe('stopped, the ledger has gone back');
    await expect(loop.onBatch(world.batch(1, 2), world.membership)).rejects.toMatchObject({
      code: 'partition_stopped',
    });
    expect(world.ledger.size).toBe(1);
    await loop.onAssigned(world.membership);
    await loop.onBatch(world.batch(1, 2), world.membership);
    expect(world.ledger.size).toBe(2);
  });
});

describe('where Kafka is behind the ledger', () => {
  it('goes on at the ledger, and moves Kafka there', async () => {
    const world = new ExampleWorld(events(1, 2, 3));
    await world.run(3);
    const written = [...world.written];
    for (const committed of [null, { nextOffset: 1, metadata: null }]) {
      world.committed = committed;
      await world.run(2);
      expect(world.written).toEqual(written);
      expect(world.committed).toEqual({ nextOffset: 3, metadata: null });
    }
  });
});

describe('duplicates beyond memory', () => {
  /** Seven events, of which the log no longer holds the first four; a copy and a conflict of them come again. */
  async function beyond() {
    const direct = (name: number, facts = {}) => exampleEvent(name, { source: 'events', ...facts });
    const older = [1, 2, 3, 4].map((name) => direct(name));
    const world = new ExampleWorld(older);
    await world.run(2);
    world.records.push(
      ...[direct(5), direct(2), direct(3, { outputTokens: 7 }), direct(6)].map((event, index) =>
        exampleFetched(4 + index, event),
      ),
    );
    world.logStart = 4;
    return world;
  }

  it('are found among the rows that are stored', async () => {
    const world = await beyond();
    await world.run(4);
    expect(world.counters).toMatchObject({ stored: 4 + 2, duplicates: 1, idsLookedUp: 4 });
    expect(Object.fromEntries(world.counters.deadLetters)).toEqual({ duplicate_conflict: 1 });
    expect(world.lookUps).toEqual([4]);
  });

  it('are found the same when the range is stored again, though its own rows are there by then', async () => {
    const calm = await beyond();
    await calm.run(4);
    for (const step of STEPS) {
      const world = await beyond();
      world.failing.add(step);
      await expect(world.run(4)).rejects.toThrow(`died at ${step}`);
      world.failing.clear();
      await world.run(4);
      expect(world.blocks).toEqual(calm.blocks);
    }
  });

  it('need no look-up while memory holds all that there is', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 2));
    await world.run(2);
    expect(world.lookUps).toEqual([]);
  });

  it('are looked for with a filter, where there are many ids that only it can exclude', async () => {
    const many = Array.from({ length: IDS_WORTH_A_FILTER + 10 }, (_, index) =>
      exampleEvent(1_000 + index, { source: 'events' }),
    );
    const world = await beyond();
    world.records.push(...many.map((event, index) => exampleFetched(8 + index, event)));
    await world.run(1_000);
    expect(world.filtersRead).toEqual([{ stream: 1, kafkaPartition: KAFKA_PARTITION, before: 4 }]);
    // What the filter lets pass: the two that are stored, and hardly any other.
    expect(world.counters.idsLookedUp).toBeLessThan(10);
    expect(world.counters).toMatchObject({ stored: 4 + 2 + many.length, duplicates: 1 });
  });

  it('are found by the next owner, to whom Kafka gives none of what was stored', async () => {
    const world = await beyond();
    const many = Array.from({ length: IDS_WORTH_A_FILTER }, (_, index) =>
      exampleEvent(1_000 + index, { source: 'events' }),
    );
    world.records.push(...many.map((event, index) => exampleFetched(8 + index, event)));
    const loop = await world.assigned();
    await loop.onBatch(world.batch(4, 8 + many.length), world.membership);
    const end = world.records.length;
    // Memory forgets them, too.
    world.logStart = end;
    world.records.push(exampleFetched(end, many[3] ?? expect.fail()));
    loop.onMembership([]);
    const later = await world.assigned();
    await later.onBatch(world.batch(end, end + 1), world.membership);
    expect(world.counters.duplicates).toBe(2);
  });
});

describe('a block that ClickHouse has no memory for', () => {
  /** As the consumer does with a range that fails. */
  async function persist(world: ExampleWorld, attempts: number) {
    const loop = await world.assigned();
    for (let attempt = 1; ; attempt++) {
      try {
        await loop.onBatch(world.batch(0, world.records.length), world.membership);
        return attempt;
      } catch (error) {
        if (attempt === attempts) {
          throw error;
        }
      }
    }
  }

  it('is stored in parts, each a range with an intent and a ledger row of its own', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 2, 4, 5, 6));
    world.rowsMax = 2;
    await persist(world, 10);
    expect(world.counters).toMatchObject({ stored: 6, duplicates: 1, splits: 2 });
    expect(
      [...world.ledger.values()].map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset]),
    ).toEqual([
      [0, 2],
      [2, 4],
      [4, 6],
      [6, 7],
    ]);
    // What was refused is asked for before its range is stored under other bounds.
    expect(world.absenceAsked).toEqual(['us1-p3-0-7-s1-l2', 'us1-p3-0-4-s1-l2']);
  });

  it('is sent again as it is, where something of it is stored already', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 4));
    world.blocks.set('us1-p3-0-4-s1-l2', Buffer.alloc(0));
    world.rowsMax = 2;
    await expect(persist(world, 5)).rejects.toThrow('no memory');
    expect(world.ledger.size).toBe(0);
    expect(world.counters.splits).toBe(0);
  });

  it('is not split for any other reason', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 4));
    world.failing.add('rows');
    await expect(persist(world, 5)).rejects.toThrow('died at rows');
    expect(world.absenceAsked).toEqual([]);
  });

  it('goes on after the parts that are stored when a later one fails', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 4));
    world.rowsMax = 2;
    const loop = await world.assigned();
    await expect(loop.onBatch(world.batch(0, 4), world.membership)).rejects.toThrow('no memory');
    world.onLedgerRow = () => void world.failing.add('users');
    await expect(loop.onBatch(world.batch(0, 4), world.membership)).rejects.toThrow('died at users');
    expect([...world.ledger.keys()]).toEqual(['us1-p3-0-2-s1-l2']);
    world.failing.clear();
    await loop.onBatch(world.batch(0, 4), world.membership);
    expect([...world.ledger.keys()]).toEqual(['us1-p3-0-2-s1-l2', 'us1-p3-2-4-s1-l2']);
    expect(world.counters.stored).toBe(4);
  });

  it('that another had begun is given up by its heir, and its range stored in parts', async () => {
    const world = new ExampleWorld(events(1, 2, 3, 4));
    world.rowsMax = 2;
    const dead = await world.assigned();
    await expect(dead.onBatch(world.batch(0, 4), world.membership)).rejects.toThrow('no memory');
    const heir = world.openLoop();
    heir.onMembership([KAFKA_PARTITION]);
    await expect(heir.onAssigned(world.membership)).rejects.toThrow('no memory');
    expect(await heir.onAssigned(world.membership)).toBe(0);
    expect(world.counters.splits).toBe(1);
    await heir.onBatch(world.batch(0, 4), world.membership);
    expect([...world.ledger.keys()]).toEqual(['us1-p3-0-2-s1-l2', 'us1-p3-2-4-s1-l2']);
  });
});
