import kafkajs from 'kafkajs';
import { type KafkaClient, METADATA_MAX_AGE_MS, REQUEST_TIMEOUT_MS } from './client.ts';
import { KafkaError } from './errors.ts';

export interface ProducerRecord {
  readonly key: string | null;
  readonly value: Uint8Array;
  /** @default chosen by a hash of the key, or by turns where there is none */
  readonly kafkaPartition?: number;
}

export interface RecordProducer {
  /**
   * Sends with acks −1 and resolves when every record is acknowledged. Throws KafkaError `produce_failed`
   * after a few attempts; some of the records may be stored then, and are stored again if the call is repeated.
   */
  send(records: readonly ProducerRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** A producer for few records whose writer waits for them, such as dead letters. */
export function createProducer({
  kafka,
  topic,
}: {
  readonly kafka: KafkaClient;
  readonly topic: string;
}): RecordProducer {
  const producer = kafka.kafkajs.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    idempotent: false,
    metadataMaxAge: METADATA_MAX_AGE_MS,
  });
  const send = async (records: readonly ProducerRecord[]): Promise<void> => {
    try {
      // Resolves at once where there is a connection.
      await producer.connect();
      for (const messages of toSends(records)) {
        await producer.send({ topic, acks: -1, timeout: REQUEST_TIMEOUT_MS, messages });
      }
    } catch (error) {
      const message = `${records.length} records for ${topic} were not acknowledged`;
      throw new KafkaError(message, { code: 'produce_failed', retryable: true, cause: error });
    }
  };
  return { send, close: () => producer.disconnect() };
}

/** kafkajs copies its list of messages for each message: 5,000 in one send stall the process for 50 ms. */
const SEND_RECORDS_MAX = 500;
/** Well below the megabyte that a broker takes. */
const SEND_BYTES_MAX = 524_288;

interface SentMessage {
  readonly key: string | null;
  readonly value: Buffer;
  readonly partition?: number;
}

function toSends(records: readonly ProducerRecord[]): SentMessage[][] {
  const sends: SentMessage[][] = [];
  let current: SentMessage[] = [];
  let bytes = 0;
  for (const { key, value, kafkaPartition } of records) {
    const full = current.length === SEND_RECORDS_MAX || bytes + value.length > SEND_BYTES_MAX;
    if (current.length === 0 || full) {
      current = [];
      bytes = 0;
      sends.push(current);
    }
    // kafkajs would write any other Uint8Array as text.
    const buffer = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    current.push({
      key,
      value: buffer,
      ...(kafkaPartition === undefined ? {} : { partition: kafkaPartition }),
    });
    bytes += value.length;
  }
  return sends;
}
