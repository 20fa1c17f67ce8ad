import { type KafkaClient, openCluster } from './client.ts';
import { KafkaError } from './errors.ts';
import { type Broker, type Decoder, type Encoder, loadInternal } from './kafkajs-internals.ts';

/**
 * The id that the broker gave to a topic when it was made, 32 hex digits: a topic deleted and made again under the same
 * name has another one. Throws KafkaError `read_failed`.
 *
 * kafkajs 2.2.4 asks for metadata up to version 6, and ids came with version 10 (KIP-516, Kafka 2.8), so the request is
 * made here. It is of the flexible kind, whose headers end with tagged fields; kafkajs writes and reads headers without
 * them, so they are part of the body here.
 */
export async function readTopicId(kafka: KafkaClient, topic: string): Promise<string> {
  const cluster = openCluster(kafka);
  try {
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
    if (nodeId === undefined) {
      throw new Error(`${topic} has no leader`);
    }
    return await askForId(await cluster.findBroker({ nodeId }), topic);
  } catch (error) {
    const message = `the id of ${topic} could not be read`;
    throw new KafkaError(message, { code: 'read_failed', retryable: true, cause: error });
  } finally {
    await cluster.disconnect();
  }
}

const METADATA = { apiKey: 3, apiVersion: 12, apiName: 'Metadata' };
const ID_BYTES = 16;
const NO_TAGS = 0;

async function askForId(broker: Broker, topic: string): Promise<string> {
  const EncoderClass = loadInternal<new () => Encoder>('protocol/encoder');
  const DecoderClass = loadInternal<new (payload: Buffer) => Decoder>('protocol/decoder');
  const { errorCode, id } = await broker.connectionPool.send({
    request: { ...METADATA, encode: async () => encodeQuestion(new EncoderClass(), topic) },
    response: {
      decode: async (payload) => decodeAnswer(new DecoderClass(payload)),
      parse: async (answer) => answer,
    },
  });
  if (errorCode !== 0) {
    throw new Error(`the broker answered ${errorCode} when asked about ${topic}`);
  }
  return id.toString('hex');
}

function encodeQuestion(encoder: Encoder, topic: string): Encoder {
  return encoder
    .writeUVarInt(NO_TAGS)
    .writeUVarInt(2)
    .writeBuffer(Buffer.alloc(ID_BYTES))
    .writeUVarIntString(topic)
    .writeUVarInt(NO_TAGS)
    .writeBoolean(false)
    .writeBoolean(false)
    .writeUVarInt(NO_TAGS);
}

/** Reads up to the id of the first topic, which is the one asked for; lengths of lists and texts are sent plus 1. */
function decodeAnswer(decoder: Decoder): { errorCode: number; id: Buffer } {
  decoder.readTaggedFields();
  decoder.readInt32();
  for (let brokers = decoder.readUVarInt() - 1; brokers > 0; brokers--) {
    decoder.readInt32();
    decoder.readUVarIntString();
    decoder.readInt32();
    decoder.readUVarIntString();
    decoder.readTaggedFields();
  }
  decoder.readUVarIntString();
  decoder.readInt32();
  decoder.readUVarInt();
  const errorCode = decoder.readInt16();
  decoder.readUVarIntString();
  return { errorCode, id: decoder.readBytes(ID_BYTES) };
}
