import { type KafkaClient, openCluster } from './client.ts';
import { KafkaError } from './errors.ts';
import { recordSetOf } from './fetch-patch.ts';
import { type Broker, type Cluster, READ_COMMITTED } from './kafkajs-internals.ts';
import { RecordList } from './record-list.ts';
import type { RecordSet } from './record-set.ts';

export interface ReadRangeOptions {
  readonly kafka: KafkaClient;
  readonly topic: string;
  readonly kafkaPartition: number;
  /** First offset wanted. */
  readonly from: number;
  /** First offset no longer wanted. */
  readonly to: number;
}

/**
 * Reads the records of a range once, outside any consumer group and without moving a position. What the log
 * no longer holds, or does not hold yet, is left out; the range's length bounds the memory.
 * Throws KafkaError `read_failed`, or `unreadable_batch` where it came to one.
 */
export async function readRange(options: ReadRangeOptions): Promise<RecordList> {
  if (options.from >= options.to) {
    return RecordList.of([]);
  }
  const cluster = openCluster(options.kafka);
  try {
    await cluster.connect();
    await cluster.addTargetTopic(options.topic);
    return await readFrom(cluster, options);
  } catch (error) {
    if (error instanceof KafkaError) {
      throw error;
    }
    const { topic, kafkaPartition, from, to } = options;
    const message = `offsets ${from} to ${to} of ${topic}/${kafkaPartition} could not be read`;
    throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
  } finally {
    await cluster.disconnect();
  }
}

const FETCH_WAIT_MS = 500;
/** A fetch waits, so this many without a record are several seconds below the log's end without progress. */
const EMPTY_FETCHES_MAX = 10;
const FETCH_BYTES_MAX = 8 * 1_048_576;

async function readFrom(cluster: Cluster, options: ReadRangeOptions): Promise<RecordList> {
  const { topic, kafkaPartition } = options;
  const earliest = await logEnd(cluster, { topic, kafkaPartition, fromBeginning: true });
  const latest = await logEnd(cluster, { topic, kafkaPartition, fromBeginning: false });
  const end = Math.min(options.to, latest);
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [kafkaPartition]));
  if (nodeId === undefined) {
    throw new Error(`${topic} has no Kafka partition ${kafkaPartition}`);
  }
  const broker = await cluster.findBroker({ nodeId });
  const lists: RecordList[] = [];
  let position = Math.max(options.from, earliest);
  for (let empty = 0; position < end && empty < EMPTY_FETCHES_MAX; ) {
    const set = await fetchOnce(broker, { topic, kafkaPartition, position });
    if (set.fault !== null) {
      throw set.fault;
    }
    lists.push(set.records.slice(0, set.records.indexFrom(end)));
    empty = set.nextOffset === position ? empty + 1 : 0;
    // Control records and aborted ones count as read; the log's end, found above, bounds the loop.
    position = set.nextOffset;
  }
  if (position < end) {
    throw new Error(`the broker gave nothing from offset ${position} on`);
  }
  return RecordList.join(lists);
}

async function fetchOnce(
  broker: Broker,
  { topic, kafkaPartition, position }: { topic: string; kafkaPartition: number; position: number },
): Promise<RecordSet> {
  const { responses } = await broker.fetch({
    maxWaitTime: FETCH_WAIT_MS,
    minBytes: 1,
    maxBytes: FETCH_BYTES_MAX,
    isolationLevel: READ_COMMITTED,
    topics: [
      {
        topic,
        partitions: [{ partition: kafkaPartition, fetchOffset: String(position), maxBytes: FETCH_BYTES_MAX }],
      },
    ],
  });
  const fetched = responses[0]?.partitions[0];
  if (fetched === undefined) {
    throw new Error(`the broker left ${topic}/${kafkaPartition} out of its answer`);
  }
  return recordSetOf(fetched.messages);
}

async function logEnd(
  cluster: Cluster,
  { topic, kafkaPartition, fromBeginning }: { topic: string; kafkaPartition: number; fromBeginning: boolean },
): Promise<number> {
  const partitions = [{ partition: kafkaPartition }];
  const answers = await cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions }]);
  const offset = answers[0]?.partitions[0]?.offset;
  if (offset === undefined) {
    throw new Error(`the broker gave no offset of ${topic}/${kafkaPartition}`);
  }
  return Number(offset);
}
