import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect, it } from 'vitest';
import { findFreePorts, requireFreePorts } from './ports.ts';

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

it('finds as many distinct free ports as asked for', async () => {
  const ports = await findFreePorts(5);
  expect(new Set(ports).size).toBe(5);
  await requireFreePorts(ports.map((port) => ({ port, title: `port ${port}`, variable: null })));
});

it('passes over a port on which somebody listens', async () => {
  const [taken = 0] = await findFreePorts(1);
  const server = await listen(taken);
  // The first number lands on the taken port, the second one beside it.
  const numbers = [taken, taken + 1].map((port) => (port - 18_000) / 14_000 + 1e-9);
  const found = await findFreePorts(1, () => numbers.shift() ?? 0);
  server.close();
  expect(found).not.toContain(taken);
});

it('refuses ports in use, naming each with what it is for and the setting that moves it', async () => {
  const [first = 0, second = 0, free = 0] = await findFreePorts(3);
  const servers = [await listen(first), await listen(second)];
  const wanted = [
    { port: first, title: 'Kafka', variable: 'METERSTONE_KAFKA_PORT' },
    { port: free, title: 'the proxy', variable: 'METERSTONE_PROXY_PORT' },
    { port: second, title: 'ClickHouse (HTTP)', variable: null },
  ];
  const refusal = requireFreePorts(wanted);
  await expect(refusal).rejects.toMatchObject({
    code: 'port_in_use',
    message: `port ${first} for Kafka is already in use (set METERSTONE_KAFKA_PORT to another port, or stop what uses it); port ${second} for ClickHouse (HTTP) is already in use`,
  });
  for (const server of servers) server.close();
});

it('refuses one port for two purposes', async () => {
  const [port = 0] = await findFreePorts(1);
  const wanted = ['Kafka', 'the proxy'].map((title) => ({ port, title, variable: null }));
  await expect(requireFreePorts(wanted)).rejects.toThrow(
    `port ${port} is asked for twice: for Kafka and for the proxy`,
  );
});
