import { once } from 'node:events';
import { createServer, connect as openSocket, type Server, type Socket } from 'node:net';

/** For the tests of this package: a broker that can be cut off and come back, as a client sees it. */
export interface TcpRelay {
  readonly address: string;
  /** Ends every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, on the same port. */
  heal(): Promise<void>;
}

/**
 * Relays to one broker. The broker names itself in its answers to metadata requests; the relay writes its own
 * port there, so that the client stays on this side.
 */
export async function createTcpRelay(broker: string): Promise<TcpRelay> {
  const [host = '', brokerPort = ''] = broker.split(':');
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const listen = async () => {
    server = createServer((client) => {
      const upstream = openSocket(Number(brokerPort), host);
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.pipe(upstream);
      const named = endpoint(host, Number(brokerPort));
      upstream.on('data', (data: Buffer) => client.write(replaceAll(data, named, endpoint(host, port))));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  };
  const cut = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
    await closed;
  };
  await listen();
  return { address: `127.0.0.1:${port}`, cut, heal: listen };
}

/** A broker's host and port as they stand in the answer: INT16 length, text, INT32 port. */
function endpoint(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(2 + host.length + 4);
  bytes.writeInt16BE(host.length, 0);
  bytes.write(host, 2);
  bytes.writeInt32BE(port, 2 + host.length);
  return bytes;
}

function replaceAll(data: Buffer, named: Buffer, replacement: Buffer): Buffer {
  for (let index = data.indexOf(named); index >= 0; index = data.indexOf(named, index + 1)) {
    replacement.copy(data, index);
  }
  return data;
}
