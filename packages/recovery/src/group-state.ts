import { fetchPositions, type KafkaClient, KafkaError } from '@meterstone/kafka';
import { retry } from '@meterstone/runtime';
import { readAssignment } from './member-assignment.ts';

/** The aggregators' group, at rest or not. */
export interface GroupState {
  /** Members of the group: processes that read, or did until their session is over. */
  readonly members: number;
  /** Kafka partition → next offset and what was noted with it. */
  readonly positions: ReadonlyMap<number, { readonly nextOffset: number; readonly metadata: string | null }>;
}

/** A group and the topic that it reads. */
export interface GroupOptions {
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
}

/** A coordinator that has just begun, or moved, answers that it is loading. */
const RETRY = { attemptsMax: 6, delayMs: 200, delayMsMax: 2_000 };

/** Reads who is in the group and what it has committed. Throws KafkaError `read_failed`. */
export function readGroupState(group: GroupOptions): Promise<GroupState> {
  return withRetry(group, 'the state', async () => {
    const positions = await fetchPositions(group);
    const { groups } = await withAdmin(group, (admin) => admin.describeGroups([group.groupId]));
    return { positions, members: groups[0]?.members.length ?? 0 };
  });
}

/**
 * Moves positions of a group without members; whatever was noted with them is gone. The broker refuses while there are
 * members. Throws KafkaError `read_failed`.
 */
export async function movePositions(
  group: GroupOptions,
  positions: ReadonlyMap<number, number>,
): Promise<void> {
  const { groupId, topic } = group;
  const partitions = [...positions].map(([partition, offset]) => ({ partition, offset: String(offset) }));
  await withRetry(group, 'moved positions', () =>
    withAdmin(group, (admin) => admin.setOffsets({ groupId, topic, partitions })),
  );
}

/** Kafka partition → client id of the member that has it. Throws KafkaError `read_failed`. */
export function readOwners(group: GroupOptions): Promise<Map<number, string>> {
  return withRetry(group, 'the members', async () => {
    const { groups } = await withAdmin(group, (admin) => admin.describeGroups([group.groupId]));
    return new Map(
      (groups[0]?.members ?? []).flatMap(({ clientId, memberAssignment }) =>
        readAssignment(memberAssignment, group.topic).map((kafkaPartition) => [kafkaPartition, clientId]),
      ),
    );
  });
}

type Admin = ReturnType<KafkaClient['kafkajs']['admin']>;

async function withAdmin<Result>(
  { kafka }: GroupOptions,
  ask: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = kafka.kafkajs.admin();
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

async function withRetry<Result>(
  { kafka, groupId }: GroupOptions,
  what: string,
  ask: () => Promise<Result>,
): Promise<Result> {
  try {
    return await retry(ask, { ...RETRY, random: kafka.random });
  } catch (error) {
    throw new KafkaError(`${what} of the group ${groupId} could not be had from Kafka`, {
      code: 'read_failed',
      retryable: true,
      cause: error,
    });
  }
}
