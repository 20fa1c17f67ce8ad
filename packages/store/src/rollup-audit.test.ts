import { expect, test } from 'vitest';
import { ADDITIVE_COLUMNS } from './additive-columns.ts';
import { planRollupAudit } from './rollup-audit.ts';
import { ROLLUPS } from './rollups.ts';

const DAY = { start: Date.UTC(2026, 0, 1), end: Date.UTC(2026, 0, 2), orgIds: null } as const;

test.each(ROLLUPS)('the audit of $name by cell', (rollup) => {
  const { sql, params, keys } = planRollupAudit(rollup, { ...DAY, orgIds: ['acme'], detail: 'cell' });
  expect(keys).toEqual(rollup.dimensions.map(({ column }) => column.name));
  expect(params).toEqual({ start: '2026-01-01 00:00:00', end: '2026-01-02 00:00:00', org_ids: ['acme'] });
  expect(`\n${sql}\n`).toMatchSnapshot();
});

test('the audit of all orgs names none of them', () => {
  for (const rollup of ROLLUPS) {
    const { sql, params, keys } = planRollupAudit(rollup, { ...DAY, detail: 'org' });
    expect(keys).toEqual(['org_id']);
    expect(Object.keys(params)).toEqual(['start', 'end']);
    expect(sql).not.toContain('org_ids');
    expect(planRollupAudit(rollup, { ...DAY, detail: 'total' }).sql).not.toContain('GROUP BY');
    for (const { name } of ADDITIVE_COLUMNS) expect(sql).toContain(`sum(d.${name}) AS ${name}`);
  }
});

test('a range that cuts a period is refused', () => {
  for (const rollup of ROLLUPS) {
    const audit = { ...DAY, end: DAY.end - 1, detail: 'total' } as const;
    expect(() => planRollupAudit(rollup, audit)).toThrowError(RangeError);
  }
});
