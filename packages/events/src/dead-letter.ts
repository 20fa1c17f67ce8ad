import { createRecordCodec } from './record-codec.ts';
import { readSchemaVersions } from './schema-files.ts';

/**
 * A record of the usage-events topic that could not become a row, as it stands on the dead-letters topic. Identity is
 * (`stream`, `kafkaPartition`, `kafkaOffset`): a replay writes it again, and it is still the same dead letter.
 */
export interface DeadLetter {
  /** Number of the topic's incarnation. */
  readonly stream: number;
  readonly topic: string;
  readonly kafkaPartition: number;
  readonly kafkaOffset: number;
  /** Timestamp of the original record, epoch milliseconds UTC. */
  readonly recordTimestamp: number;
  /** `null`: the record had no key. */
  readonly recordKey: Buffer | null;
  /** The original bytes; `null`: the record had none. */
  readonly recordValue: Buffer | null;
  /** From the aggregator's closed list of dead-letter codes. */
  readonly code: string;
  /** For a person. */
  readonly reason: string;
}

const codec = createRecordCodec<DeadLetter>(readSchemaVersions('dead-letter'));

/** In Avro single-object encoding. Throws {@link EventEncodeError} `unencodable`. */
export function encodeDeadLetter(letter: DeadLetter): Buffer {
  return codec.encode(letter);
}

/** Throws {@link EventDecodeError} `unknown_schema` or `undecodable`, and nothing else. */
export function decodeDeadLetter(bytes: Uint8Array): DeadLetter {
  return codec.decode(bytes);
}
