import { connect } from 'node:net';

/** What a broker answers about its cluster. */
export type ClusterMetadata = { brokerIds: number[]; controllerId: number };

const METADATA_API = 3;
/** The last version without tagged fields that asks nothing new; Kafka 4.3 still answers it (tried 2026-11-24). */
const METADATA_VERSION = 5;
const CLIENT_ID = 'meterstone-local-stack';
const ANSWER_BYTES_MAX = 1_048_576;

/**
 * Asks one broker for the brokers of its cluster, over a connection of its own.
 *
 * Written by hand, as this is the only question the stack has for Kafka. Rejects when the broker does not
 * answer within the time.
 */
export function askMetadata(address: {
  host: string;
  port: number;
  timeoutMs: number;
}): Promise<ClusterMetadata> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host);
    let answer = Buffer.alloc(0);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(address.timeoutMs, () => fail(new Error(`no answer within ${address.timeoutMs} ms`)));
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the broker closed the connection')));
    socket.once('connect', () => socket.write(encodeMetadataRequest()));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4) return;
      const size = answer.readInt32BE(0);
      if (size < 0 || size > ANSWER_BYTES_MAX) return fail(new Error(`the answer claims ${size} bytes`));
      if (answer.length < 4 + size) return;
      try {
        resolve(decodeMetadataAnswer(answer.subarray(4, 4 + size)));
        socket.destroy();
      } catch (error) {
        fail(new Error('the answer is no metadata', { cause: error }));
      }
    });
  });
}

/** Metadata request for no topic at all: size, api, version, correlation id, client id, topics, auto-creation. */
export function encodeMetadataRequest(): Buffer {
  const clientId = Buffer.from(CLIENT_ID);
  const request = Buffer.alloc(4 + 10 + clientId.length + 5);
  let position = request.writeInt32BE(request.length - 4, 0);
  position = request.writeInt16BE(METADATA_API, position);
  position = request.writeInt16BE(METADATA_VERSION, position);
  position = request.writeInt32BE(1, position);
  position = request.writeInt16BE(clientId.length, position);
  position += clientId.copy(request, position);
  request.writeInt32BE(0, position);
  return request;
}

/** Reads the answer without its size; throws RangeError when it is cut short. */
export function decodeMetadataAnswer(answer: Buffer): ClusterMetadata {
  let position = 8; // correlation id, throttle time
  const readInt32 = (): number => {
    position += 4;
    return answer.readInt32BE(position - 4);
  };
  const skipString = (): void => {
    position += 2 + Math.max(0, answer.readInt16BE(position));
  };
  const brokerIds: number[] = [];
  for (let left = readInt32(); left > 0; left -= 1) {
    brokerIds.push(readInt32());
    skipString(); // host
    position += 4; // port
    skipString(); // rack
  }
  skipString(); // cluster id
  return { brokerIds: brokerIds.sort((a, b) => a - b), controllerId: readInt32() };
}
