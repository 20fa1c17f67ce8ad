import kafkajs, { type PartitionAssigner } from 'kafkajs';

/**
 * Gives Kafka partitions to members in turn, in the order of their names. A member that comes back under its name gets
 * the same ones again as long as the other names are the same; kafkajs's own round robin goes by member ids, which are
 * random at each start. All members of a group must use it.
 */
export function createNamedAssigner(instance: string): PartitionAssigner {
  const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;
  return ({ cluster }) => ({
    name: 'meterstone-by-name',
    version: VERSION,
    async assign({ members, topics }) {
      const named = members
        .map(({ memberId, memberMetadata }) => ({ memberId, name: nameIn(memberMetadata) }))
        .sort((a, b) => compare(a.name, b.name) || compare(a.memberId, b.memberId));
      return named.map(({ memberId }, place) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          userData: Buffer.alloc(0),
          assignment: Object.fromEntries(
            topics.map((topic) => {
              const kafkaPartitions = (cluster as PartitionSource).findTopicPartitionMetadata(topic);
              const ids = kafkaPartitions.map(({ partitionId }) => partitionId).sort((a, b) => a - b);
              return [topic, ids.filter((_, index) => index % named.length === place)];
            }),
          ),
        }),
      }));
    },
    protocol: ({ topics }) => ({
      name: 'meterstone-by-name',
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.from(instance) }),
    }),
  });

  function nameIn(metadata: Buffer): string {
    return MemberMetadata.decode(metadata)?.userData.toString() ?? '';
  }
}

const VERSION = 0;

/** The part of kafkajs's cluster that its types leave out. */
interface PartitionSource {
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
}

function compare(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  return a < b ? -1 : 1;
}
