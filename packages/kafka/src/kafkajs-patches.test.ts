import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { toStandIns } from './fetch-patch.ts';
import { assertVersion, loadInternal, type RequestQueueClass } from './kafkajs-internals.ts';
import { GROUP_HOOKS, patchKafkajs, ticketOf } from './kafkajs-patches.ts';
import { RecordList } from './record-list.ts';

interface TestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  pending: unknown[];
  push(request: object): void;
  checkPendingRequests(): void;
  fulfillRequest(response: object): void;
  destroy(): void;
}

function createQueue(): TestQueue {
  patchKafkajs();
  const RequestQueue = loadInternal<RequestQueueClass & (new (options: object) => TestQueue)>(
    'network/requestQueue',
  );
  const logger = { debug: () => undefined, warn: () => undefined };
  return new RequestQueue({ logger, maxInFlightRequests: 1, requestTimeout: 1_000 });
}

function request(correlationId: number, sent: number[]) {
  return {
    entry: { correlationId, resolve: () => undefined, reject: () => undefined },
    expectResponse: true,
    sendRequest: () => void sent.push(correlationId),
  };
}

/** A consumer group as far as one fetch needs it. */
function createGroup(hooks: object) {
  patchKafkajs();
  const { prototype } = loadInternal<{
    prototype: { fetch(nodeId: string): Promise<object[]>; recoverFromOffsetOutOfRange(error: object): void };
  }>('consumer/consumerGroup');
  const partitions = [{ topic: 'topic', partitions: [3] }];
  const set = { records: RecordList.of([]), nextOffset: 6, bytes: 0, fault: null };
  const messages = toStandIns(set, 5);
  const fetched = { partition: 3, highWatermark: '9', messages, abortedTransactions: [] };
  const paused: object[] = [];
  const group = Object.assign(Object.create(prototype) as typeof prototype, {
    paused,
    offsetManager: createManager(),
    assigners: [{ [GROUP_HOOKS]: hooks }],
    preferredReadReplicasPerTopicPartition: {},
    seekOffset: { has: () => false },
    subscriptionState: { assigned: () => partitions, active: () => partitions, isPaused: () => false },
    cluster: {
      refreshMetadataIfNecessary: async () => undefined,
      findBroker: async () => ({
        fetch: async () => ({ responses: [{ topicName: 'topic', partitions: [fetched] }] }),
      }),
    },
    checkForStaleAssignment: () => undefined,
    filterPartitionsByNode: () => partitions,
    seekOffsets: async () => undefined,
    pause: (what: object) => void paused.push(what),
  });
  return group;
}

function createManager() {
  const commits: object[] = [];
  return {
    commits,
    committedOffsets: () => ({ topic: { 3: '5' } }),
    nextOffset: () => '5',
    commitOffsets: async (offsets: object) => void commits.push(offsets),
  };
}

describe('patchKafkajs', () => {
  it('knows the installed version', () => {
    expect(assertVersion).not.toThrow();
  });

  it('loads in Node itself, which finds fewer names in kafkajs than the test runner does', async () => {
    const entry = fileURLToPath(new URL('index.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      `const { createKafka } = await import(${JSON.stringify(entry)}); console.log(typeof createKafka);`,
    ]);
    expect(stdout).toBe('function\n');
  });

  it('is made once, however often it is asked for', () => {
    patchKafkajs();
    const { prototype } = loadInternal<{ prototype: { fetch: unknown } }>('consumer/consumerGroup');
    const { fetch } = prototype;
    patchKafkajs();
    expect(prototype.fetch).toBe(fetch);
  });

  it('lets no timer run on a connection where no request waits', () => {
    const queue = createQueue();
    queue.checkPendingRequests();
    queue.push(request(1, []));
    queue.fulfillRequest({ correlationId: 1 });
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('still sends what waits, once a throttle has run out', async () => {
    const queue = createQueue();
    const sent: number[] = [];
    queue.throttledUntil = Date.now() + 20;
    queue.push(request(1, sent));
    expect(sent).toEqual([]);
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    while (sent.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(sent).toEqual([1]);
    queue.destroy();
  });

  it('commits under the membership of the fetch, whichever is current by then', async () => {
    const seen: unknown[] = [];
    const group = createGroup({ onFetched: (fetches: unknown[]) => void seen.push(...fetches) });
    const [batch = {}] = await group.fetch('1');
    expect(seen).toMatchObject([{ kafkaPartition: 3, position: 5, logEnd: 9, nextOffset: 6 }]);
    const ticket = ticketOf(batch);
    expect(ticket.isCurrent()).toBe(true);

    const before = group.offsetManager;
    group.offsetManager = createManager();
    expect(ticket.isCurrent()).toBe(false);
    await ticket.commit({ topic: 'topic', kafkaPartition: 3, nextOffset: 6, metadata: 'a note' });
    expect(group.offsetManager.commits).toEqual([]);
    const partitions = [{ partition: 3, offset: '6', metadata: 'a note' }];
    expect(before.commits).toEqual([{ topics: [{ topic: 'topic', partitions }] }]);
  });

  it('pauses a Kafka partition whose position is out of range, and commits nothing', async () => {
    const stopped: number[] = [];
    const group = createGroup({
      onOutOfRange: (kafkaPartition: number) => void stopped.push(kafkaPartition),
    });
    await group.recoverFromOffsetOutOfRange({ topic: 'topic', partition: 3 });
    expect(stopped).toEqual([3]);
    expect(group.paused).toEqual([[{ topic: 'topic', partitions: [3] }]]);
    expect(group.offsetManager.commits).toEqual([]);
  });

  it('brings zstd both ways', async () => {
    patchKafkajs();
    const codec = kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD]();
    const text = Buffer.alloc(10_000, 'usage ');
    const packed: Buffer = await codec.compress({ buffer: text });
    expect(packed.length).toBeLessThan(100);
    expect(await codec.decompress(packed)).toEqual(text);
  });
});
