import { AggregatorRegistry, type Registry } from 'prom-client';

/** The metrics of one process at one moment, as they travel between processes. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What of the doors needs of metrics: their text and its type. */
export type MetricsText = Pick<Registry, 'metrics' | 'contentType'>;

export function readSnapshot(registry: Registry): Promise<MetricsSnapshot> {
  return registry.getMetricsAsJSON();
}

/** The metrics of several processes as those of one: counts add up, ages are the greatest. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  return AggregatorRegistry.aggregate([...snapshots]).getMetricsAsJSON();
}

/** What only rises: what a process that is gone has added to the sums stays in them. */
export function countsOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(({ type }) => COUNTING.has(String(type)));
}

const COUNTING: ReadonlySet<string> = new Set(['counter', 'histogram']);

/** Prometheus text. */
export function metricsText(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}
