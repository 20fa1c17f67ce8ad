import { createServer } from 'node:net';
import { StackError } from './errors.ts';

/** A port that something of ours wants to listen on. */
export type WantedPort = {
  port: number;
  /** What for, in the words of the message: `Kafka`. */
  title: string;
  /** The setting that moves it: `METERSTONE_KAFKA_PORT`; null when there is none. */
  variable: string | null;
};

/** Everything of the local stack listens on the loopback address alone. */
export const LOOPBACK = '127.0.0.1';

/** Free ports are looked for below the range from which systems take ports for outgoing connections. */
const FREE_PORT_FIRST = 18_000;
const FREE_PORT_LAST = 32_000;
const FREE_PORT_ATTEMPTS_MAX = 1_000;

/** Distinct ports of the loopback address on which nothing listened a moment ago. */
export async function findFreePorts(count: number, random: () => number = Math.random): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < FREE_PORT_ATTEMPTS_MAX && found.size < count; attempt += 1) {
    const port = FREE_PORT_FIRST + Math.floor(random() * (FREE_PORT_LAST - FREE_PORT_FIRST));
    if (!found.has(port) && (await isPortFree(port))) found.add(port);
  }
  if (found.size === count) return [...found];
  throw new StackError('port_in_use', `found no ${count} free ports on ${LOOPBACK}`, { retryable: true });
}

/** Refuses with `port_in_use` when any of the ports is taken, naming every one of them and its setting. */
export async function requireFreePorts(wanted: readonly WantedPort[]): Promise<void> {
  const problems: string[] = [];
  const seen = new Map<number, string>();
  for (const { port, title, variable } of wanted) {
    const other = seen.get(port);
    const hint = variable === null ? '' : ` (set ${variable} to another port, or stop what uses it)`;
    if (other !== undefined)
      problems.push(`port ${port} is asked for twice: for ${other} and for ${title}${hint}`);
    else if (!(await isPortFree(port))) problems.push(`port ${port} for ${title} is already in use${hint}`);
    seen.set(port, title);
  }
  if (problems.length > 0) throw new StackError('port_in_use', problems.join('; '), { retryable: false });
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
