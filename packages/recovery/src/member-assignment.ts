/**
 * The Kafka partitions of a topic that a group's member was given. The bytes are what the group's leader wrote: version
 * (int16), topics (int32 count, each an int16 length and a name, then an int32 count and int32 Kafka partitions), user
 * data. Source: kafka.apache.org/protocol, "Consumer Protocol Assignment" (read 2026-11-24). A member that has joined and
 * was given nothing yet has no bytes; bytes of another kind give no Kafka partition.
 */
export function readAssignment(bytes: Buffer, topic: string): number[] {
  try {
    return readTopics(bytes).get(topic) ?? [];
  } catch (error) {
    if (error instanceof RangeError) {
      return [];
    }
    throw error;
  }
}

/** Throws RangeError where the bytes end too soon. */
function readTopics(bytes: Buffer): Map<string, number[]> {
  const topics = new Map<string, number[]>();
  let position = VERSION_BYTES;
  const next = (count: number): number => {
    position += count;
    return position - count;
  };
  for (let left = bytes.readInt32BE(next(4)); left > 0; left -= 1) {
    const nameBytes = bytes.readInt16BE(next(2));
    const start = next(nameBytes);
    const kafkaPartitions: number[] = [];
    for (let count = bytes.readInt32BE(next(4)); count > 0; count -= 1) {
      kafkaPartitions.push(bytes.readInt32BE(next(4)));
    }
    topics.set(bytes.toString('utf8', start, start + nameBytes), kafkaPartitions);
  }
  return topics;
}

const VERSION_BYTES = 2;
