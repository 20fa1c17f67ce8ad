import { randomBytes } from 'node:crypto';
import { createLogger } from '@meterstone/runtime';
import { createStoreClient, insertLedgerRange, type LedgerRange, migrate } from '@meterstone/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BlockFacts } from './block-facts.ts';
import type { StoredPosition } from './partition-loop.ts';
import { PARTS_CALM_MAX, rangeAgeMs } from './range-age.ts';
import { type StoreWatch, watchStore } from './store-watch.ts';

const database = `watch_${randomBytes(6).toString('hex')}`;
const store = createStoreClient({
  url: inject('clickhouseUrl'),
  username: 'default',
  password: '',
  database,
});
const logger = createLogger({ service: 'watch-test', level: 'silent' });

beforeAll(() => migrate({ client: store, database }));

afterAll(() => store.close());

/** Watches until the condition holds; gives what was refused until then. */
async function watch(
  stored: () => StoredPosition[],
  isOver: (seen: StoreWatch, refused: string[]) => boolean,
) {
  const refused: string[] = [];
  const loop = {
    storedTo: stored,
    refuse: (kafkaPartition: number, cause: string) => void refused.push(`${kafkaPartition}: ${cause}`),
  };
  const seen = watchStore({ store, loop, logger, intervalMs: 20 });
  while (!isOver(seen, refused)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  seen.stop();
  return refused;
}

const range = (nextOffset: number): LedgerRange => ({
  stream: 1,
  kafkaPartition: 2,
  firstOffset: 0,
  nextOffset,
  token: `token-${nextOffset}`,
  epoch: 'epoch',
  rowLayout: 1,
  checksum: 'checksum',
  records: nextOffset,
  stored: 0,
  duplicates: nextOffset,
  deadLetters: 0,
  ingestedAtMax: null,
  sums: new BlockFacts().sums(),
});

describe('the watch on ClickHouse', () => {
  it('refuses a Kafka partition whose ledger has gone back, and no other', async () => {
    await insertLedgerRange(store, range(100));
    const position = { stream: 1, kafkaPartition: 2, nextOffset: 100 };
    const gone = { stream: 1, kafkaPartition: 5, nextOffset: 7 };
    const refused = await watch(
      () => [position, { ...position, nextOffset: 40 }, gone],
      (_, causes) => causes.length > 0,
    );
    expect(new Set(refused)).toEqual(
      new Set(['5: the ledger has gone back from 7 to 0: ClickHouse was restored or emptied']),
    );
  });

  it('counts parts', async () => {
    let parts: ReadonlyMap<string, number> = new Map();
    await watch(
      () => [],
      (seen) => {
        ({ parts } = seen);
        return parts.size > 0;
      },
    );
    expect(parts.get('ingest_ranges')).toBe(1);
  });

  it('lets blocks grow while merges fall behind, and says when that begins and ends', async () => {
    const lines: string[] = [];
    const seen = watchStore({
      store,
      loop: { storedTo: () => [], refuse: () => expect.fail() },
      logger: createLogger({
        service: 'test',
        level: 'info',
        destination: { write: (line) => lines.push(line) },
      }),
      intervalMs: 20,
    });
    await store.command({ query: 'SYSTEM STOP MERGES ingest_ranges' });
    const parts = PARTS_CALM_MAX + 40;
    await store.command({
      query: `INSERT INTO ingest_ranges (stream, kafka_partition, first_offset, next_offset)
        SELECT 9, 9, number, number + 1 FROM numbers(${parts})`,
      clickhouse_settings: {
        max_block_size: '1',
        min_insert_block_size_rows: '1',
        min_insert_block_size_bytes: '1',
      },
    });
    await expect.poll(() => seen.parts.get('ingest_ranges')).toBeGreaterThanOrEqual(parts);
    expect(seen.rangeAgeMs).toBe(rangeAgeMs(seen.parts, 0));
    expect(seen.rangeAgeMs).toBeGreaterThan(0);
    await store.command({ query: 'SYSTEM START MERGES ingest_ranges' });
    await store.command({ query: 'OPTIMIZE TABLE ingest_ranges FINAL' });
    await expect.poll(() => seen.rangeAgeMs, { timeout: 10_000 }).toBe(0);
    seen.stop();
    const said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said).toEqual(['merges fall behind, blocks grow', 'merges keep up again']);
  });
});
