import type { ConsumerGroup, OffsetManager } from './kafkajs-internals.ts';

/** A position of a group as the broker keeps it. */
export interface CommittedPosition {
  readonly nextOffset: number;
  /** What was committed with it; `null` = nothing. */
  readonly metadata: string | null;
}

/**
 * One membership of a group. kafkajs commits under the membership of the moment, and resolves without sending once it
 * is stopping, so that a consumer that lost a Kafka partition could commit for its heir; a ticket cannot.
 */
export interface GroupTicket {
  /** No later membership has been taken up. */
  isCurrent(): boolean;
  /**
   * Commits with the generation of the membership; resolves when the broker has acknowledged, which it does only as
   * long as the group has not moved on.
   */
  commit(position: {
    readonly topic: string;
    readonly kafkaPartition: number;
    readonly nextOffset: number;
    /** Below 4,096 bytes, a default of the broker (`offset.metadata.max.bytes`). */
    readonly metadata: string | null;
  }): Promise<void>;
  /** What the group has committed; a Kafka partition without a position is not in the map. */
  fetchCommitted(topic: string, kafkaPartitions: readonly number[]): Promise<Map<number, CommittedPosition>>;
}

export function createTicket(group: ConsumerGroup, offsetManager: OffsetManager): GroupTicket {
  return {
    isCurrent: () => group.offsetManager === offsetManager,
    commit: ({ topic, kafkaPartition, nextOffset, metadata }) =>
      offsetManager.commitOffsets({
        topics: [
          { topic, partitions: [{ partition: kafkaPartition, offset: String(nextOffset), metadata }] },
        ],
      }),
    async fetchCommitted(topic, kafkaPartitions) {
      const coordinator = await offsetManager.getCoordinator();
      const { responses } = await coordinator.offsetFetch({
        groupId: offsetManager.groupId,
        topics: [{ topic, partitions: kafkaPartitions.map((partition) => ({ partition })) }],
      });
      return toPositions(responses.flatMap(({ partitions }) => partitions));
    },
  };
}

/** By Kafka partition; the broker answers −1 where there is no position, and the empty text for no metadata. */
export function toPositions(
  partitions: readonly {
    readonly partition: number;
    readonly offset: string;
    readonly metadata: string | null;
  }[],
): Map<number, CommittedPosition> {
  return new Map(
    partitions
      .filter(({ offset }) => Number(offset) >= 0)
      .map(({ partition, offset, metadata }) => [
        partition,
        { nextOffset: Number(offset), metadata: metadata === '' ? null : metadata },
      ]),
  );
}
