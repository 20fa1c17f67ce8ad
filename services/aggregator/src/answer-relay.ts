import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay for tests, which can lose answers: the request arrives and is done, and nobody hears of it. */
export interface AnswerRelay {
  readonly url: string;
  /** Loses this many answers from now on, each with its connection. */
  lose(answers: number): void;
  close(): Promise<void>;
}

export async function startAnswerRelay(targetUrl: string): Promise<AnswerRelay> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let toLose = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      // A reset of either side is part of the game.
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (data) => upstream.write(data));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    upstream.on('data', (data) => {
      if (toLose > 0) {
        toLose -= 1;
        client.destroy();
        return;
      }
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the relay has no port');
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    lose: (answers) => {
      toLose = answers;
    },
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
