/** A half-open range of offsets of one Kafka partition of one stream. */
export interface OffsetRange {
  /** Number of the topic's incarnation. */
  readonly stream: number;
  readonly kafkaPartition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
}

/**
 * Version of a block's layout in bytes; 1 was RowBinary, 2 is Native. Part of the token, because other bytes under one
 * token would be dropped.
 */
export const ROW_LAYOUT = 2;
/** Number of the shard whose tables a block goes to; a single server is the first. */
const SHARD = 1;

/** Names the block of a range: the same range always has the same name, and no other range has it. */
export function blockToken({ stream, kafkaPartition, firstOffset, nextOffset }: OffsetRange): string {
  return `us${stream}-p${kafkaPartition}-${firstOffset}-${nextOffset}-s${SHARD}-l${ROW_LAYOUT}`;
}
