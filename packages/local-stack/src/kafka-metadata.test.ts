import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { askMetadata, decodeMetadataAnswer, encodeMetadataRequest } from './kafka-metadata.ts';

/** An answer as a broker writes it: ids, host, port, rack of each broker, cluster id, controller, no topics. */
function encodeAnswer(brokerIds: readonly number[], rack: string | null, controllerId: number): Buffer {
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const text = (value: string | null): Buffer => {
    const bytes = Buffer.alloc(2);
    bytes.writeInt16BE(value === null ? -1 : Buffer.byteLength(value));
    return Buffer.concat([bytes, Buffer.from(value ?? '')]);
  };
  const brokers = brokerIds.flatMap((id) => [int32(id), text('127.0.0.1'), int32(9092), text(rack)]);
  const rest = [text('cluster'), int32(controllerId), int32(0)];
  return Buffer.concat([int32(1), int32(0), int32(brokerIds.length), ...brokers, ...rest]);
}

const ids = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 5 });
const rack = fc.option(fc.string({ maxLength: 20 }));

it('asks with a frame whose size is right', () => {
  const request = encodeMetadataRequest();
  expect(request.readInt32BE(0)).toBe(request.length - 4);
  expect(request.readInt16BE(4)).toBe(3);
});

it('reads brokers and controller from any answer', () => {
  fc.assert(
    fc.property(ids, rack, fc.integer({ min: -1, max: 9 }), (brokerIds, name, controllerId) => {
      const metadata = decodeMetadataAnswer(encodeAnswer(brokerIds, name, controllerId));
      expect(metadata).toEqual({ brokerIds: [...brokerIds].sort((a, b) => a - b), controllerId });
    }),
  );
});

it('throws a RangeError on an answer that was cut before its controller', () => {
  fc.assert(
    fc.property(ids, rack, fc.nat(), (brokerIds, name, cut) => {
      const answer = encodeAnswer(brokerIds, name, 1);
      const shorter = answer.subarray(0, cut % (answer.length - 4));
      expect(() => decodeMetadataAnswer(shorter)).toThrow(RangeError);
    }),
  );
});

async function askServer(serve: (socket: Socket) => void): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  try {
    return await askMetadata({ host: '127.0.0.1', port, timeoutMs: 5_000 }).catch((error: unknown) => error);
  } finally {
    server.close();
  }
}

it('puts an answer together from pieces', async () => {
  const answer = encodeAnswer([2, 1], null, 1);
  const size = Buffer.alloc(4);
  size.writeInt32BE(answer.length);
  const result = await askServer((socket) => {
    socket.write(Buffer.concat([size, answer.subarray(0, 9)]));
    setImmediate(() => socket.write(answer.subarray(9)));
  });
  expect(result).toEqual({ brokerIds: [1, 2], controllerId: 1 });
});

it('rejects what is no answer of a broker', async () => {
  expect(await askServer((socket) => socket.end())).toBeInstanceOf(Error);
  expect(await askServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))).toEqual(
    new Error(`the answer claims ${Buffer.from('HTTP').readInt32BE()} bytes`),
  );
});
