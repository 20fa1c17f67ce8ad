/**
 * The parts of kafkajs 2.2.4 that it does not export and that this package uses, as far as it uses them.
 * Nothing else in the project may know them.
 */

import { createRequire } from 'node:module';
import type { KafkaMessage } from 'kafkajs';
import { KafkaError } from './errors.ts';

/** The version whose source these types and the patches were read from. */
const KAFKAJS_VERSION = '2.2.4';

/** One Kafka partition of an answer to a fetch; only `FetchBatchClass` reads what is inside. */
interface FetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
}

interface FetchRequest {
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
  fetch(request: FetchRequest): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
  }>;
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

export interface OffsetManager {
  commitOffsets(offsets: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { partition: number; offset: string; metadata: string | null }[];
    }[];
  }): Promise<void>;
}

export interface ConsumerGroup {
  offsetManager: OffsetManager | null;
  readonly assigners: readonly object[];
  pause(topicPartitions: readonly { topic: string; partitions: number[] }[]): void;
}

export interface ConsumerGroupClass {
  readonly prototype: ConsumerGroup & {
    fetch(this: ConsumerGroup, nodeId: string): Promise<FetchBatch[]>;
    recoverFromOffsetOutOfRange(
      this: ConsumerGroup,
      error: { readonly topic: string; readonly partition: number },
    ): Promise<void>;
  };
}

/** `consumer/batch`: what was fetched of one Kafka partition, without control records and aborted ones. */
export interface FetchBatch {
  readonly topic: string;
  readonly partition: number;
  /** The position asked for. */
  readonly fetchedOffset: string;
  readonly highWatermark: string;
  readonly messages: readonly KafkaMessage[];
  /** Of everything in it, left-out records included; below the position where nothing came. */
  lastOffset(): string;
}

export type FetchBatchClass = new (
  topic: string,
  fetchedOffset: string,
  partitionData: FetchedPartition,
) => FetchBatch;

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
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  writeBytes(value: Buffer): Encoder;
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
