import type { Logger } from '@meterstone/runtime';
import { type LedgerEntry, readLastLedgerRange, readPartCounts, type StoreClient } from '@meterstone/store';
import type { PartitionLoop, StoredPosition } from './partition-loop.ts';
import { rangeAgeMs } from './range-age.ts';

export interface StoreWatchOptions {
  readonly store: StoreClient;
  readonly loop: Pick<PartitionLoop, 'storedTo' | 'refuse'>;
  readonly logger: Logger;
  /** @default 15 s */
  readonly intervalMs?: number;
}

/** Looks at ClickHouse from time to time. */
export interface StoreWatch {
  /** Active parts by table as last seen; empty = not seen yet, or not allowed to. */
  readonly parts: ReadonlyMap<string, number>;
  /** How long records wait so that blocks get larger, by the parts as last seen, milliseconds. */
  readonly rangeAgeMs: number;
  stop(): void;
}

const INTERVAL_MS = 15_000;

/**
 * Counts parts, says how long blocks are to grow by them, and holds the ledger against what was stored: a ClickHouse
 * that was restored from an older backup, or emptied, under a running aggregator would take further ranges and leave a
 * hole behind them. A look that fails says nothing; the next one may.
 */
export function watchStore({ store, loop, logger, intervalMs = INTERVAL_MS }: StoreWatchOptions): StoreWatch {
  let parts: ReadonlyMap<string, number> = new Map();
  let ageMs = 0;
  const noteAge = (nextMs: number) => {
    if (nextMs > 0 !== ageMs > 0) {
      const facts = { parts: Math.max(...parts.values()), rangeAgeMs: nextMs };
      logger.warn(facts, nextMs > 0 ? 'merges fall behind, blocks grow' : 'merges keep up again');
    }
    ageMs = nextMs;
  };
  const look = async () => {
    parts = await readPartCounts(store).catch(() => new Map());
    if (parts.size > 0) {
      noteAge(rangeAgeMs(parts, ageMs));
    }
    await compareLedger(store, loop);
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => logger.debug({ err: error }, 'could not look at ClickHouse'));
  }, intervalMs);
  timer.unref();
  return {
    get parts() {
      return parts;
    },
    get rangeAgeMs() {
      return ageMs;
    },
    stop: () => clearInterval(timer),
  };
}

async function compareLedger(store: StoreClient, loop: StoreWatchOptions['loop']): Promise<void> {
  // Before the ledger is read, which may only have grown by then.
  for (const position of loop.storedTo()) {
    const cause = ledgerFault(position, await readLastLedgerRange(store, position));
    if (cause !== null) {
      loop.refuse(position.kafkaPartition, cause);
    }
  }
}

/** What is wrong with the ledger's last range of a Kafka partition, as a clause; `null` = nothing. */
function ledgerFault({ nextOffset }: StoredPosition, last: LedgerEntry | null): string | null {
  const position = last?.nextOffset ?? 0;
  return position >= nextOffset
    ? null
    : `the ledger has gone back from ${nextOffset} to ${position}: ClickHouse was restored or emptied`;
}
