import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** When an aim is reached, seen from between client and server. */
export type RelayMoment = 'before_forwarding' | 'while_forwarding' | 'before_answer';

/** One moment of one conversation, to be met once. */
interface RelayAim {
  readonly moment: RelayMoment;
  /** Whether these bytes of the client begin the request that is waited for. */
  readonly matches: (sent: Buffer) => boolean;
  /** Called at the moment, before anything else happens on the connection. */
  readonly act: () => void;
  /** How far into `while_forwarding` the moment lies; what is sent meanwhile is passed on. @default 0 */
  readonly delayMs?: number;
}

/** Stands between a client and a server, and can cut them off from each other at a chosen moment. */
export interface TcpRelay {
  /** `host:port` that the client connects to. */
  readonly address: string;
  /**
   * Waits for the moment, acts and cuts that connection: before the request is passed on, in the middle of it, or when
   * its answer has come and has not been passed on. True = it was met within the time; false = the aim is given up.
   */
  aim(aim: RelayAim, deadlineMs: number): Promise<boolean>;
  /** Ends a wait that has not been met. */
  giveUp(): void;
  close(): Promise<void>;
}

export interface TcpRelayOptions {
  /** `host:port` of the server. */
  readonly target: string;
  /** A Kafka broker names itself in its answers; the relay puts its own port there, so that clients stay on this side. */
  readonly isKafka?: boolean;
}

/** Opens a relay on a free port of the loopback address. */
export async function openTcpRelay(options: TcpRelayOptions): Promise<TcpRelay> {
  const [host = '', targetPort = ''] = options.target.split(':');
  const sockets = new Set<Socket>();
  const pending: Pending = { aim: null, settle: () => {} };
  let port = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), host);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      // An end of either side, however rude, is the end of both.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const named = options.isKafka === true ? { from: Number(targetPort), to: port } : null;
    relay({ client, upstream, host, named, pending });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    address: `127.0.0.1:${port}`,
    aim: (aim, deadlineMs) => waitForAim(pending, aim, deadlineMs),
    giveUp: () => pending.settle(false),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

interface Pending {
  /** `null` = nothing is waited for, or its request was met and its moment is near. */
  aim: RelayAim | null;
  settle: (met: boolean) => void;
}

interface Conversation {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly host: string;
  /** Ports that stand for each other in answers; `null` = answers pass as they are. */
  readonly named: { readonly from: number; readonly to: number } | null;
  readonly pending: Pending;
}

function relay({ client, upstream, host, named, pending }: Conversation): void {
  let answerAwaited: RelayAim | null = null;
  const fire = (aim: RelayAim) => {
    aim.act();
    pending.settle(true);
    client.destroy();
    upstream.destroy();
  };
  client.on('data', (data: Buffer) => {
    const { aim } = pending;
    if (aim === null || !aim.matches(data)) {
      pass(client, upstream, data);
      return;
    }
    pending.aim = null;
    if (aim.moment === 'before_forwarding') {
      fire(aim);
      return;
    }
    pass(client, upstream, data);
    if (aim.moment === 'before_answer') answerAwaited = aim;
    else setTimeout(() => fire(aim), aim.delayMs ?? 0);
  });
  upstream.on('data', (data: Buffer) => {
    if (answerAwaited !== null) {
      fire(answerAwaited);
      return;
    }
    const text = named === null ? data : replaced(data, endpoint(host, named.from), endpoint(host, named.to));
    pass(upstream, client, text);
  });
}

/** Passes bytes on and lets the reader wait while the writer is full. */
function pass(from: Socket, to: Socket, data: Buffer): void {
  if (to.write(data)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

async function waitForAim(pending: Pending, aim: RelayAim, deadlineMs: number): Promise<boolean> {
  if (pending.aim !== null) throw new Error('this relay is already aiming');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  pending.aim = aim;
  pending.settle = resolve;
  const timer = setTimeout(() => resolve(false), deadlineMs);
  const met = await promise;
  clearTimeout(timer);
  pending.aim = null;
  return met;
}

/** A broker's host and port as they stand in its answers: INT16 length, text, INT32 port. */
function endpoint(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(2 + host.length + 4);
  bytes.writeInt16BE(host.length, 0);
  bytes.write(host, 2);
  bytes.writeInt32BE(port, 2 + host.length);
  return bytes;
}

function replaced(data: Buffer, from: Buffer, to: Buffer): Buffer {
  for (let index = data.indexOf(from); index >= 0; index = data.indexOf(from, index + 1))
    to.copy(data, index);
  return data;
}
