/**
 * The parts of kafkajs 2.2.4 that it does not export and that this package uses, as far as it uses them.
 * Nothing else in the project may know them.
 */

import { createRequire } from 'node:module';
import { KafkaError } from './errors.ts';

/** The version whose source these types and the patches were read from. */
const KAFKAJS_VERSION = '2.2.4';

/** One Kafka partition of an answer to a fetch. */
export interface FetchedPartition {
  readonly partition: number;
  /** The log's end. */
  readonly highWatermark: string;
  /** Bytes as long as nobody has read them. */
  readonly messages: readonly object[] | Buffer;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
}

export interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: typeof READ_COMMITTED;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

/** From `protocol/isolationLevel`: records of open and aborted transactions are left out. */
export const READ_COMMITTED = 1;

export interface Broker {
  readonly connectionPool: {
    send<Answer>(exchange: {
      readonly request: {
        readonly apiKey: number;
        readonly apiVersion: number;
        readonly apiName: string;
        readonly encode: () => Promise<Encoder>;
      };
      readonly response: {
        readonly decode: (payload: Buffer) => Promise<Answer>;
        readonly parse: (answer: Answer) => Promise<Answer>;
      };
    }): Promise<Answer>;
  };
  fetch(request: FetchRequest): Promise<FetchAnswer>;
}

interface FetchAnswer {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

export interface BrokerClass {
  readonly prototype: Broker;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, kafkaPartitions: readonly number[]): Record<string, number[]>;
  findBroker(query: { nodeId: string }): Promise<Broker>;
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly fromBeginning: boolean;
      readonly partitions: readonly { readonly partition: number }[];
    }[],
  ): Promise<readonly { readonly partitions: readonly { partition: number; offset: string }[] }[]>;
}

interface CommittedPartition {
  readonly partition: number;
  readonly offset: string;
  readonly metadata: string | null;
}

/** Keeps the positions of one membership: a group makes a new one each time it is joined. */
export interface OffsetManager {
  readonly groupId: string;
  commitOffsets(offsets: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly CommittedPartition[];
    }[];
  }): Promise<void>;
  getCoordinator(): Promise<{
    offsetFetch(request: {
      readonly groupId: string;
      readonly topics: readonly { topic: string; partitions: readonly { partition: number }[] }[];
    }): Promise<{
      readonly responses: readonly { topic: string; partitions: readonly CommittedPartition[] }[];
    }>;
  }>;
}

export interface AssignedTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface ConsumerGroup {
  offsetManager: OffsetManager | null;
  readonly assigners: readonly object[];
  /** When the last heartbeat was answered, by the system's clock; epoch milliseconds. */
  lastRequest: number;
  assigned(): readonly AssignedTopic[];
  /** Sends one if the last is at least `interval` milliseconds old. */
  heartbeat(options: { interval: number }): Promise<void>;
  pause(topicPartitions: readonly { topic: string; partitions: number[] }[]): void;
}

export interface ConsumerGroupClass {
  readonly prototype: ConsumerGroup & {
    fetch(this: ConsumerGroup, nodeId: string): Promise<FetchBatch[]>;
    joinAndSync(this: ConsumerGroup): Promise<void>;
    heartbeat(this: ConsumerGroup, options: { interval: number }): Promise<void>;
    recoverFromOffsetOutOfRange(
      this: ConsumerGroup,
      error: { readonly topic: string; readonly partition: number },
    ): Promise<void>;
  };
}

/** `consumer/batch`: what was fetched of one Kafka partition. */
export interface FetchBatch {
  readonly topic: string;
  readonly partition: number;
  /** The position asked for. */
  readonly fetchedOffset: string;
  readonly highWatermark: string;
  /** The very list of the answer to the fetch. */
  readonly rawMessages: readonly object[];
}

export interface RequestQueueClass {
  readonly prototype: {
    scheduleCheckPendingRequests(this: RequestQueue): void;
  };
}

interface RequestQueue {
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
}

export interface Encoder {
  writeBoolean(value: boolean): Encoder;
  writeBuffer(value: Buffer): Encoder;
  /** Length plus 1, then the text. */
  writeUVarIntString(value: string | null): Encoder;
  writeUVarInt(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer): Encoder;
}

export interface Decoder {
  canReadBytes(byteLength: number): boolean;
  readInt16(): number;
  readInt32(): number;
  readBytes(byteLength: number): Buffer;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  readTaggedFields(): unknown;
}

export interface ProduceParameters {
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly object[] }[];
  }[];
}

export interface ProduceRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  readonly expectResponse: () => boolean;
  readonly encode: () => Promise<Encoder>;
}

/**
 * Loads a module of kafkajs by its path under `src/`, the same instance that kafkajs itself uses.
 * The type is the caller's word: it holds for the one version that `assertVersion` lets through.
 */
export function loadInternal<T>(path: string): T {
  return require(`kafkajs/src/${path}`) as T;
}

/** Replaces what a module of kafkajs exports, for those that load it from now on. */
export function replaceInternal(path: string, exported: unknown): void {
  const file = require.resolve(`kafkajs/src/${path}`);
  require(file);
  const module = require.cache[file];
  if (module === undefined) {
    throw new KafkaError(`kafkajs has no module ${path}`, { code: 'unsupported_client', retryable: false });
  }
  module.exports = exported;
}

/** Throws KafkaError `unsupported_client` for any other version. */
export function assertVersion(): void {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KAFKAJS_VERSION) {
    const message = `kafkajs ${version} is installed, the patches are for ${KAFKAJS_VERSION}`;
    throw new KafkaError(message, { code: 'unsupported_client', retryable: false });
  }
}

const require = createRequire(import.meta.url);
