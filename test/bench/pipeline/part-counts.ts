import type { ClickHouse } from '../stack/clickhouse.ts';

/** How many parts a table had. */
export interface PartSample {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Active parts, by table. */
  readonly parts: ReadonlyMap<string, number>;
}

const INTERVAL_MS = 1_000;

/** Counts active parts once a second until it is stopped, and gives what it saw. */
export function samplePartCounts(
  clickhouse: ClickHouse,
  database: string,
): { stop(): Promise<readonly PartSample[]> } {
  const samples: PartSample[] = [];
  let looking: Promise<void> | null = null;
  const timer = setInterval(() => {
    looking ??= readPartCounts(clickhouse, database)
      .then((parts) => void samples.push({ at: Date.now(), parts }))
      // The next look may find what this one did not.
      .catch(() => undefined)
      .finally(() => {
        looking = null;
      });
  }, INTERVAL_MS);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
      return samples;
    },
  };
}

/** Active parts of each table. */
export async function readPartCounts(clickhouse: ClickHouse, database: string): Promise<Map<string, number>> {
  const rows = await clickhouse.rows(
    `SELECT table, count() AS parts FROM system.parts WHERE active AND database = '${database}' GROUP BY table`,
  );
  return new Map(rows.map(({ table = '', parts }) => [table, Number(parts)]));
}

/** Whether merges kept up with the inserts of a run. */
export type MergeVerdict =
  /** Peak of each table's parts in the first and in the last 20 s. */
  | { readonly kind: 'kept_up' | 'fell_behind'; readonly peaks: readonly PartPeaks[] }
  /** It was too short to tell, in seconds. */
  | { readonly kind: 'too_short'; readonly seconds: number };

interface PartPeaks {
  readonly table: string;
  readonly first: number;
  readonly last: number;
}

/** A run must be so long for its rate to be called sustained, in seconds; and these are the ends that are compared. */
const SUSTAINED_SECONDS_MIN = 60;
const END_MS = 20_000;

/** Holds the last 20 s of a run against its first 20 s. Times in epoch milliseconds. */
export function judgeMerges(
  samples: readonly PartSample[],
  { startedAt, endedAt }: { readonly startedAt: number; readonly endedAt: number },
): MergeVerdict {
  const seconds = (endedAt - startedAt) / 1000;
  if (seconds < SUSTAINED_SECONDS_MIN) return { kind: 'too_short', seconds };
  const first = samples.filter(({ at }) => at >= startedAt && at < startedAt + END_MS);
  const last = samples.filter(({ at }) => at > endedAt - END_MS && at <= endedAt);
  const tables = new Set(samples.flatMap(({ parts }) => [...parts.keys()]));
  const peaks = [...tables].sort().map((table) => ({
    table,
    first: peakOf(first, table),
    last: peakOf(last, table),
  }));
  const kind = peaks.every((peak) => peak.last <= peak.first) ? 'kept_up' : 'fell_behind';
  return { kind, peaks };
}

function peakOf(samples: readonly PartSample[], table: string): number {
  return Math.max(0, ...samples.map(({ parts }) => parts.get(table) ?? 0));
}
