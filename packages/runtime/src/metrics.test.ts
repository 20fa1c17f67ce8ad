import { describe, expect, it } from 'vitest';
import { createRegistry, registerReadings } from './metrics.ts';

describe('createRegistry', () => {
  it('has the metrics of the process, labelled with the service', async () => {
    const text = await createRegistry({ service: 'test' }).metrics();
    expect(text).toMatch(/process_cpu_seconds_total\{service="test"\}/);
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('keeps two registries apart', async () => {
    const [first, second] = [createRegistry({ service: 'a' }), createRegistry({ service: 'b' })];
    registerReadings(first, [{ name: 'only_first', help: 'x', kind: 'gauge', read: () => 1 }]);
    expect(await second.metrics()).not.toContain('only_first');
  });
});

describe('registerReadings', () => {
  it('reads counters and gauges at each scrape', async () => {
    const registry = createRegistry({ service: 'test' });
    const stats = { sent: 2, pendingBytes: 7 };
    registerReadings(registry, [
      { name: 'sent_total', help: 'Sent.', kind: 'counter', read: () => stats.sent },
      { name: 'pending_bytes', help: 'Pending.', kind: 'gauge', read: () => stats.pendingBytes },
    ]);
    await registry.metrics();
    stats.sent = 5;
    stats.pendingBytes = 0;
    const text = await registry.metrics();
    expect(text).toContain('sent_total{service="test"} 5');
    expect(text).toContain('pending_bytes{service="test"} 0');
  });

  it('forgets a labelled value that is no longer read', async () => {
    const registry = createRegistry({ service: 'test' });
    let partitions = [0, 1];
    registerReadings(registry, [
      {
        name: 'lag',
        help: 'Lag.',
        kind: 'gauge',
        labels: ['kafka_partition'],
        read: () => partitions.map((partition) => ({ labels: { kafka_partition: partition }, value: 9 })),
      },
    ]);
    expect(await registry.metrics()).toContain('lag{kafka_partition="1",service="test"} 9');
    partitions = [0];
    expect(await registry.metrics()).not.toContain('kafka_partition="1"');
  });
});
