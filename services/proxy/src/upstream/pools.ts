import { Pool } from 'undici';

/** One connection pool per origin, made when first asked for. */
export interface Pools {
  of(origin: string): Pool;
  /** Closes the pools of other origins; what runs on them still ends. */
  keepOnly(origins: ReadonlySet<string>): void;
  /** Waits for what runs, then closes all. */
  close(): Promise<void>;
}

export interface PoolLimits {
  readonly connectMsMax: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  readonly answerHeaderBytesMax: number;
}

export function createPools({ connectMsMax, keepAliveMs, answerHeaderBytesMax }: PoolLimits): Pools {
  const pools = new Map<string, Pool>();
  return {
    of(origin) {
      const known = pools.get(origin);
      if (known !== undefined) {
        return known;
      }
      const pool = new Pool(origin, {
        // Unbounded here: requests in flight are bounded where they come in, and a stream must not wait for another.
        connections: null,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: keepAliveMs,
        maxHeaderSize: answerHeaderBytesMax,
        connect: { timeout: connectMsMax },
        // Silence is watched by the sweep, which also sees the time that an answer is paused.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      pools.set(origin, pool);
      return pool;
    },
    keepOnly(origins) {
      for (const [origin, pool] of pools) {
        if (!origins.has(origin)) {
          pools.delete(origin);
          pool.close(() => {});
        }
      }
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.close()));
    },
  };
}
