import { type KafkaClient, topicNames } from '@meterstone/kafka';

/** How far a group is on its topic. */
export interface GroupProgress {
  /** Records between the committed positions and the end of the log. */
  lag(): Promise<number>;
  /** Forgets the positions: the next member reads from the first record. No member may be left. */
  reset(): Promise<void>;
}

/** Who reads what. */
export interface ReadingGroup {
  readonly groupId: string;
  readonly topic: string;
  /** Records still come: the end of the log is asked for each time. @default the topic is filled and stays as it is */
  readonly isGrowing?: boolean;
}

/** Of the aggregators' group on the usage events of a filled topic. */
export function openGroupProgress(
  kafka: KafkaClient,
  topicPrefix: string,
  defer: (cleanup: () => Promise<unknown>) => void,
): Promise<GroupProgress> {
  return openProgressOf(kafka, aggregatorsOf(topicPrefix), defer);
}

/** The aggregators' group and what it reads. */
export function aggregatorsOf(topicPrefix: string): ReadingGroup {
  return { groupId: `${topicPrefix}.aggregator`, topic: topicNames(topicPrefix).usageEvents };
}

/** Opens one connection and keeps it, so that asking often costs the broker little. */
export async function openProgressOf(
  kafka: KafkaClient,
  { groupId, topic, isGrowing = false }: ReadingGroup,
  defer: (cleanup: () => Promise<unknown>) => void,
): Promise<GroupProgress> {
  const admin = kafka.kafkajs.admin();
  await admin.connect();
  defer(() => admin.disconnect());
  let ends: Map<number, number> | null = null;
  return {
    async lag() {
      if (isGrowing) ends = null;
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
