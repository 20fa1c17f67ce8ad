import { KafkaError } from './errors.ts';
import type { CommittedPosition, GroupTicket } from './group-ticket.ts';

/** What a handler may know and do as the owner of one Kafka partition. */
export interface Membership {
  readonly kafkaPartition: number;
  /** False once the group has moved on: what is done then may be done by the heir at the same time. */
  isCurrent(): boolean;
  /**
   * Commits a note beside a position, and resolves when the broker has acknowledged it under this membership. The next
   * commit of a position removes it. Throws KafkaError `commit_refused`.
   */
  note(position: CommittedPosition): Promise<void>;
  /** What the group has committed; `null` = nothing, or it has expired. Throws KafkaError `read_failed`. */
  committed(): Promise<CommittedPosition | null>;
}

/** Metadata in bytes that a broker takes by default (`offset.metadata.max.bytes` is 4,096), with room to spare. */
export const NOTE_BYTES_MAX = 4_000;

export function createMembership(
  ticket: GroupTicket,
  { topic, kafkaPartition, isCurrent }: { topic: string; kafkaPartition: number; isCurrent: () => boolean },
): Membership {
  return {
    kafkaPartition,
    isCurrent,
    async note({ nextOffset, metadata }) {
      const place = `${topic}/${kafkaPartition} at ${nextOffset}`;
      if (Buffer.byteLength(metadata ?? '') > NOTE_BYTES_MAX) {
        throw new KafkaError(`the note on ${place} is too long`, {
          code: 'commit_refused',
          retryable: false,
        });
      }
      try {
        await ticket.commit({ topic, kafkaPartition, nextOffset, metadata });
      } catch (error) {
        const message = `the note on ${place} was not acknowledged`;
        throw new KafkaError(message, { code: 'commit_refused', retryable: true, cause: error });
      }
    },
    async committed() {
      try {
        const positions = await ticket.fetchCommitted(topic, [kafkaPartition]);
        return positions.get(kafkaPartition) ?? null;
      } catch (error) {
        const message = `the position on ${topic}/${kafkaPartition} could not be read`;
        throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
      }
    },
  };
}
