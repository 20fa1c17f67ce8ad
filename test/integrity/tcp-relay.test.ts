import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { openTcpRelay, type RelayMoment, type TcpRelay } from '../support/tcp-relay.ts';

let open: { server: Server; relay: TcpRelay } | null = null;

afterEach(async () => {
  await open?.relay.close();
  open?.server.close();
  open = null;
});

/** A server that notes what it hears and answers each chunk. */
async function openEcho(options: { isKafka?: boolean; answer?: (port: number) => Buffer } = {}) {
  const heard: string[] = [];
  let port = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard.push(data.toString());
      socket.write(options.answer?.(port) ?? `answer to ${data}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  const relay = await openTcpRelay({ target: `127.0.0.1:${port}`, isKafka: options.isKafka === true });
  open = { server, relay };
  return { heard, relay };
}

async function openClient(relay: TcpRelay): Promise<Socket> {
  const [host = '', port = ''] = relay.address.split(':');
  const client = connect(Number(port), host);
  client.on('error', () => {});
  await once(client, 'connect');
  return client;
}

it('passes both ways what nobody aims at', async () => {
  const { relay } = await openEcho();
  const client = await openClient(relay);
  client.write('hello');
  expect(String((await once(client, 'data'))[0])).toBe('answer to hello');
  client.destroy();
});

it.each<[RelayMoment, boolean]>([
  ['before_forwarding', false],
  ['while_forwarding', true],
  ['before_answer', true],
])('cuts %s, and the server has heard the request: %s', async (moment, isHeard) => {
  const { relay, heard } = await openEcho();
  const client = await openClient(relay);
  let answers = 0;
  client.on('data', () => {
    answers += 1;
  });
  let acted = 0;
  const aim = { moment, matches: (sent: Buffer) => sent.includes('insert'), act: () => (acted += 1) };
  const met = relay.aim(aim, 5_000);
  client.write('select');
  await expect.poll(() => answers).toBe(1);
  const closed = once(client, 'close');
  client.write('insert');
  expect(await met).toBe(true);
  await closed;
  expect(acted).toBe(1);
  if (moment === 'before_answer') expect(answers).toBe(1);
  await expect.poll(() => heard.includes('insert')).toBe(isHeard);
});

it('gives an aim up when its time is over or when told to', async () => {
  const { relay } = await openEcho();
  const never = { moment: 'before_answer' as const, matches: () => false, act: () => {} };
  expect(await relay.aim(never, 10)).toBe(false);
  const waiting = relay.aim(never, 60_000);
  relay.giveUp();
  expect(await waiting).toBe(false);
});

it('puts its own port where a Kafka broker names its own', async () => {
  const named = (port: number) => {
    const bytes = Buffer.alloc(2 + 9 + 4);
    bytes.writeInt16BE(9);
    bytes.write('127.0.0.1', 2);
    bytes.writeInt32BE(port, 11);
    return bytes;
  };
  const { relay } = await openEcho({ isKafka: true, answer: named });
  const client = await openClient(relay);
  client.write('metadata');
  const [data] = await once(client, 'data');
  expect(data).toEqual(named(Number(relay.address.split(':')[1])));
  client.destroy();
});
