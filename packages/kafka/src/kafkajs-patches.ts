/**
 * Six corrections of kafkajs 2.2.4, made in memory before its first use. Each says what it replaces and why;
 * `assertVersion` refuses any other version, so that an update makes somebody read them again.
 */

import kafkajs from 'kafkajs';
import { patchFetch, toPartitionFetch } from './fetch-patch.ts';
import { createTicket, type GroupTicket } from './group-ticket.ts';
import {
  type AssignedTopic,
  assertVersion,
  type ConsumerGroup,
  type ConsumerGroupClass,
  type Encoder,
  loadInternal,
  type ProduceParameters,
  type ProduceRequest,
  type RequestQueueClass,
  replaceInternal,
} from './kafkajs-internals.ts';
import type { PartitionFetch } from './partition-fetch.ts';
import { createZstdCodec } from './zstd-codec.ts';

/** What a partition consumer wants to know of its group; it hangs on the assigner, which is ours. */
export interface GroupHooks {
  /** Before the group is joined, at first and again; awaited, so that what is in hand may end first. */
  readonly onJoin: (heartbeat: () => Promise<void>) => Promise<void>;
  /** After the group was joined and before anything is fetched under the new membership. */
  readonly onJoined: (ticket: GroupTicket, assigned: readonly AssignedTopic[]) => void;
  /** After every fetch, the empty ones included, with all Kafka partitions that were asked for. */
  readonly onFetched: (fetches: readonly PartitionFetch[]) => void;
  /** The position asked for is not in the log. The Kafka partition is paused from now on. */
  readonly onOutOfRange: (kafkaPartition: number) => void;
}

export const GROUP_HOOKS = Symbol.for('meterstone.kafka.group-hooks');

/** Marks the one pseudo-message of a Kafka partition whose record batch is finished. */
export const READY_BATCH = Symbol.for('meterstone.kafka.ready-batch');

/** Patches kafkajs once per process, however often it is called. Throws KafkaError `unsupported_client`. */
export function patchKafkajs(): void {
  assertVersion();
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  if (Object.hasOwn(CompressionCodecs, PATCHED)) {
    return;
  }
  Object.defineProperty(CompressionCodecs, PATCHED, { value: true });
  CompressionCodecs[CompressionTypes.ZSTD] = createZstdCodec;
  patchThrottleTimer();
  patchProduceRequest();
  patchFetch();
  patchConsumerGroup();
}

/** The ticket of a batch that a patched consumer fetched. */
export function ticketOf(batch: object): GroupTicket {
  // Every batch passes through the patched fetch below, which puts the ticket there.
  return (batch as { [TICKET]: GroupTicket })[TICKET];
}

const PATCHED = Symbol.for('meterstone.kafka.patched');
const TICKET = Symbol.for('meterstone.kafka.ticket');

/**
 * `network/requestQueue`: it keeps a timer going although nothing waits, with a negative delay that Node turns
 * into 1 ms (885 wake-ups a second per idle connection, and a TimeoutNegativeWarning). A timer is needed only
 * while a throttled request waits; `push` schedules one in that case.
 */
function patchThrottleTimer(): void {
  const { prototype } = loadInternal<RequestQueueClass>('network/requestQueue');
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests() {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) {
      return;
    }
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : PENDING_CHECK_MS,
    );
  };
}

/** As in the original: how soon requests that wait for others to be answered are looked at again. */
const PENDING_CHECK_MS = 10;

/**
 * `protocol/requests/produce/v3/request` (4 to 7 build on it): a request whose Kafka partitions all carry a
 * finished record batch is written around those bytes. Everything else goes the original way.
 */
function patchProduceRequest(): void {
  const path = 'protocol/requests/produce/v3/request';
  const original = loadInternal<(parameters: ProduceParameters) => ProduceRequest>(path);
  const EncoderClass = loadInternal<new () => Encoder>('protocol/encoder');
  replaceInternal(path, (parameters: ProduceParameters): ProduceRequest => {
    const request = original(parameters);
    if (!parameters.topicData.every(({ partitions }) => partitions.every(isReady))) {
      return request;
    }
    return { ...request, encode: async () => encodeReady(new EncoderClass(), parameters) };
  });
}

interface ReadyMessage {
  readonly [READY_BATCH]: Buffer;
}

function isReady({ messages }: { readonly messages: readonly object[] }): boolean {
  return messages.length === 1 && READY_BATCH in (messages[0] ?? {});
}

function encodeReady(encoder: Encoder, { acks, timeout, topicData }: ProduceParameters): Encoder {
  encoder.writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length);
  for (const { topic, partitions } of topicData) {
    encoder.writeString(topic).writeInt32(partitions.length);
    for (const { partition, messages } of partitions) {
      for (const message of messages) {
        // isReady has seen the mark on it.
        encoder.writeInt32(partition).writeBytes((message as ReadyMessage)[READY_BATCH]);
      }
    }
  }
  return encoder;
}

/**
 * `consumer/consumerGroup`: batches get the ticket of the membership they were fetched under; joining waits for what
 * is in hand, since the original joins again while handlers still work; and an offset out of range pauses its Kafka
 * partition. The original commits the earliest position by itself there, even with
 * `autoCommit: false`, and so skips what was lost, or reads everything again, without a word. Heartbeats survive a clock
 * that was set back: the original would send none until it is as late again as before, and the group would go on without
 * this member, which never learns of it.
 */
function patchConsumerGroup(): void {
  const { prototype } = loadInternal<ConsumerGroupClass>('consumer/consumerGroup');
  const { fetch } = prototype;
  prototype.fetch = async function fetchWithTickets(nodeId) {
    // Before the fetch: if a rebalance comes in between, the ticket is too old, never too new.
    const { offsetManager } = this;
    const batches = await fetch.call(this, nodeId);
    if (offsetManager !== null) {
      const ticket = createTicket(this, offsetManager);
      for (const batch of batches) {
        Object.defineProperty(batch, TICKET, { value: ticket });
      }
    }
    hooksOf(this)?.onFetched(batches.map(toPartitionFetch));
    return batches;
  };
  const { joinAndSync } = prototype;
  prototype.joinAndSync = async function joinWithHooks() {
    const hooks = hooksOf(this);
    await hooks?.onJoin(() => this.heartbeat({ interval: 0 }));
    await joinAndSync.call(this);
    if (this.offsetManager !== null) {
      hooks?.onJoined(createTicket(this, this.offsetManager), this.assigned());
    }
  };
  const { heartbeat } = prototype;
  prototype.heartbeat = function heartbeatByAnyClock(options) {
    if (Date.now() < this.lastRequest) {
      this.lastRequest = 0;
    }
    return heartbeat.call(this, options);
  };
  const { recoverFromOffsetOutOfRange } = prototype;
  prototype.recoverFromOffsetOutOfRange = async function stopPartition(error) {
    const hooks = hooksOf(this);
    if (hooks === undefined) {
      return recoverFromOffsetOutOfRange.call(this, error);
    }
    this.pause([{ topic: error.topic, partitions: [error.partition] }]);
    hooks.onOutOfRange(error.partition);
  };
}

function hooksOf(group: ConsumerGroup): GroupHooks | undefined {
  const assigner = group.assigners[0];
  return assigner === undefined ? undefined : (assigner as { [GROUP_HOOKS]?: GroupHooks })[GROUP_HOOKS];
}
