import { describe, expect, it } from 'vitest';
import { countsOf, mergeSnapshots, metricsText, readSnapshot } from './merge-metrics.ts';
import { createRegistry, registerReadings } from './metrics.ts';

function processWith(requests: number, ageSeconds: number) {
  const registry = createRegistry({ service: 'test' });
  registerReadings(registry, [
    {
      name: 'requests_total',
      help: 'Requests.',
      kind: 'counter',
      labels: ['code'],
      read: () => [{ labels: { code: 'ok' }, value: requests }],
    },
    { name: 'pending_bytes', help: 'Pending.', kind: 'gauge', read: () => 10 },
    { name: 'oldest_seconds', help: 'Age.', kind: 'gauge', read: () => ageSeconds },
  ]);
  // As a message between processes is.
  return readSnapshot(registry).then((snapshot) => structuredClone(snapshot));
}

describe('metrics of several processes', () => {
  it('are told as those of one: counts and sizes added up, the greatest age', async () => {
    const text = await metricsText([await processWith(3, 40), await processWith(4, 7)]);
    expect(text).toContain('requests_total{code="ok",service="test"} 7');
    expect(text).toContain('pending_bytes{service="test"} 20');
    expect(text).toContain('oldest_seconds{service="test"} 40');
  });

  it('keep what a process that is gone has counted, and nothing else of it', async () => {
    const gone = countsOf(await mergeSnapshots([await processWith(3, 40), await processWith(1, 1)]));
    const text = await metricsText([gone, await processWith(2, 7)]);
    expect(text).toContain('requests_total{code="ok",service="test"} 6');
    expect(text).toContain('pending_bytes{service="test"} 10');
    expect(text).toContain('oldest_seconds{service="test"} 7');
  });
});
