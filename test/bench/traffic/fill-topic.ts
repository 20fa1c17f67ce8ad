import { setImmediate as turn } from 'node:timers/promises';
import { encodeUsageEvent } from '@meterstone/events';
import { createBatchProducer, ensureTopics, type KafkaClient, topicNames } from '@meterstone/kafka';
import { createSums, type ProducedSums } from '../stack/stored-sums.ts';
import { createTraffic, type TrafficOptions } from './usage-traffic.ts';

export interface FillOptions extends TrafficOptions {
  readonly kafka: KafkaClient;
  readonly topicPrefix: string;
  readonly kafkaPartitions: number;
}

const SLAB_BYTES = 65_536;
const CLOSE_MS_MAX = 60_000;

/** Makes the topic and puts the events into it, through the product's own codec and producer. */
export async function fillTopic(options: FillOptions): Promise<ProducedSums> {
  const { kafka, topicPrefix: prefix, kafkaPartitions } = options;
  await ensureTopics(kafka, { prefix, kafkaPartitions, replicationFactor: 1 });
  const producer = createBatchProducer({ kafka, topic: topicNames(prefix).usageEvents, kafkaPartitions });
  const slab = Buffer.allocUnsafe(SLAB_BYTES);
  const { add, sums } = createSums();
  for (const event of createTraffic(options)) {
    add(event);
    const end = encodeUsageEvent(event, slab, 0);
    while (!producer.enqueue({ key: event.operationId, value: slab.subarray(0, end) })) await turn();
  }
  const { unsent } = await producer.close(CLOSE_MS_MAX);
  if (unsent > 0) throw new Error(`${unsent} events did not reach Kafka`);
  return sums();
}
