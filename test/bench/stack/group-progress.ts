import { type KafkaClient, topicNames } from '@meterstone/kafka';

/** How far the aggregators' group is on the usage events. */
export interface GroupProgress {
  /** Records between the committed positions and the end of the log. */
  lag(): Promise<number>;
  /** Forgets the positions: the next aggregator reads from the first record. No member may be left. */
  reset(): Promise<void>;
}

/** Opens one connection and keeps it, so that asking often costs the broker little. */
export async function openGroupProgress(
  kafka: KafkaClient,
  topicPrefix: string,
  defer: (cleanup: () => Promise<unknown>) => void,
): Promise<GroupProgress> {
  const admin = kafka.kafkajs.admin();
  const groupId = `${topicPrefix}.aggregator`;
  const topic = topicNames(topicPrefix).usageEvents;
  await admin.connect();
  defer(() => admin.disconnect());
  let ends: Map<number, number> | null = null;
  return {
    async lag() {
      ends ??= new Map(
        (await admin.fetchTopicOffsets(topic)).map(({ partition, offset }) => [partition, Number(offset)]),
      );
      const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const committed = new Map(
        (answer?.partitions ?? []).map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]),
      );
      return [...ends].reduce((sum, [partition, end]) => sum + end - (committed.get(partition) ?? 0), 0);
    },
    async reset() {
      ends = null;
      await admin.deleteGroups([groupId]);
    },
  };
}
