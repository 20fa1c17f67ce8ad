import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { exampleEvent, exampleRating } from './example-row.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { readRows } from './read.ts';
import { REPORT_ROWS } from './report-cases.ts';
import type { Rollup } from './rollup.ts';
import { planRollupAudit, type RollupAudit } from './rollup-audit.ts';
import { ROLLUPS } from './rollups.ts';

const TWO_DAYS = { start: Date.UTC(2026, 0, 1), end: Date.UTC(2026, 0, 3), orgIds: null } as const;

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
  await store.insert(REPORT_ROWS);
});

afterAll(() => store.close());

test.each(ROLLUPS)('$name is as raw says, in total, by org and by cell', async (rollup) => {
  for (const detail of ['total', 'org', 'cell'] as const) {
    expect(await differences(rollup, { ...TWO_DAYS, detail })).toEqual([]);
  }
});

test.each(ROLLUPS)(
  'a row too many and a row too few in $name are found, and their differences repair it',
  async (rollup) => {
    const at = Date.UTC(2026, 0, 2, 12);
    const orgId = `drift-${rollup.name}`;
    const facts = { orgId, occurredAt: at, user: 'ann', tags: ['a'], inputTokens: 3 };
    await store.insert([
      { event: exampleEvent(facts), rating: exampleRating({ totalCost: 5n }) },
      { event: exampleEvent({ ...facts, orgId: `${orgId}-lost` }), rating: exampleRating({ totalCost: 5n }) },
    ]);
    await store.client.command({
      query: `INSERT INTO ${rollup.name} SELECT * FROM ${rollup.name} WHERE org_id = '${orgId}'`,
      clickhouse_settings: { insert_deduplicate: 0, deduplicate_insert: 'disable' },
    });
    await store.client.command({ query: `DELETE FROM ${rollup.name} WHERE org_id = '${orgId}-lost'` });
    const audit = { ...TWO_DAYS, orgIds: [orgId, `${orgId}-lost`], detail: 'org' } as const;
    const found = await differences(rollup, audit);
    expect(
      found.map(({ org_id, attempts, input_tokens, total_cost }) => [
        org_id,
        attempts,
        input_tokens,
        total_cost,
      ]),
    ).toEqual([
      [orgId, '-1', '-3', '-0.000000000005'],
      [`${orgId}-lost`, '1', '3', '0.000000000005'],
    ]);
    const { sql, params } = planRollupAudit(rollup, { ...audit, detail: 'cell' });
    await store.client.command({ query: `INSERT INTO ${rollup.name} ${sql}`, query_params: params });
    expect(await differences(rollup, { ...audit, detail: 'cell' })).toEqual([]);
  },
);

async function differences(rollup: Rollup, audit: RollupAudit): Promise<Record<string, unknown>[]> {
  const { sql, params, keys } = planRollupAudit(rollup, audit);
  const { rows } = await readRows({ client: store.client, sql, params, threadsMax: 1 });
  const names = [...keys, ...ADDITIVE_COLUMNS.map(({ name }) => name)];
  return rows
    .map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
    .sort((a, b) => (String(a['org_id']) < String(b['org_id']) ? -1 : 1));
}
