import kafkajs, { type PartitionAssigner } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createNamedAssigner } from './named-assigner.ts';

const topic = 'usage-events';

/** Assigns `kafkaPartitions` to members given as `[memberId, name]`. */
async function assign(members: readonly (readonly [string, string])[], kafkaPartitions: number) {
  const cluster = {
    // Not in order, as brokers answer.
    findTopicPartitionMetadata: () =>
      Array.from({ length: kafkaPartitions }, (_, index) => ({ partitionId: kafkaPartitions - 1 - index })),
  };
  const config = { cluster, groupId: 'group', logger: {} } as unknown as Parameters<PartitionAssigner>[0]; // All it reads.
  const group = members.map(([memberId, name]) => {
    const { metadata } = createNamedAssigner(name)(config).protocol({ topics: [topic] });
    return { memberId, memberMetadata: metadata };
  });
  const assigned = await createNamedAssigner('leader')(config).assign({ members: group, topics: [topic] });
  return Object.fromEntries(
    assigned.map(({ memberId, memberAssignment }) => [
      memberId,
      kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic],
    ]),
  );
}

describe('createNamedAssigner', () => {
  it('gives each Kafka partition to one member, in turn and in order', async () => {
    expect(
      await assign(
        [
          ['x', 'a'],
          ['y', 'b'],
          ['z', 'c'],
        ],
        8,
      ),
    ).toEqual({
      x: [0, 3, 6],
      y: [1, 4, 7],
      z: [2, 5],
    });
  });

  it('gives a member that came back under its name the same ones, whatever its id', async () => {
    const before = await assign(
      [
        ['1', 'a'],
        ['2', 'b'],
        ['3', 'c'],
      ],
      8,
    );
    const after = await assign(
      [
        ['9', 'b'],
        ['1', 'a'],
        ['3', 'c'],
      ],
      8,
    );
    expect(after['9']).toEqual(before['2']);
    expect(after['1']).toEqual(before['1']);
  });

  it('decides by the ids where names are the same, or there are more members than Kafka partitions', async () => {
    expect(
      await assign(
        [
          ['2', ''],
          ['1', ''],
        ],
        1,
      ),
    ).toEqual({ 1: [0], 2: [] });
  });
});
