export {
  type BatchProducer,
  type BatchProducerOptions,
  type BatchProducerStats,
  createBatchProducer,
} from './batch-producer.ts';
export { createKafka, type KafkaClient, type KafkaOptions } from './client.ts';
export { fetchCommitted, fetchPositions } from './committed-offsets.ts';
export type { ConsumerProgress, PartitionProgress } from './consumer-progress.ts';
export { KafkaError, type KafkaErrorCode } from './errors.ts';
export type { FetchedBatch } from './fetched-batch.ts';
export type { FetchedRecord, PlacedRecord } from './fetched-record.ts';
export type { CommittedPosition } from './group-ticket.ts';
export { type LogBounds, readLogBounds } from './log-bounds.ts';
export { type Membership, NOTE_BYTES_MAX } from './membership.ts';
export {
  createPartitionConsumer,
  type PartitionConsumer,
  type PartitionConsumerOptions,
} from './partition-consumer.ts';
export type { RangeGrowth } from './partition-lane.ts';
export { createProducer, type ProducerRecord, type RecordProducer } from './producer.ts';
export { type ReadRangeOptions, readRange } from './read-range.ts';
export { RecordList } from './record-list.ts';
export { readTopicId } from './topic-id.ts';
export { type EnsureTopicsOptions, ensureTopics, TOPICS, type TopicNames, topicNames } from './topics.ts';
