import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { ADDITIVE_COLUMNS, ROLLUPS, type StoreClient } from '@meterstone/store';
import { type Finding, finding } from './compare.ts';
import { readText } from './stored-rows.ts';

/**
 * Every additive column as a sum over raw, written out a second time: what the product says of its columns must not be
 * what it is checked with.
 */
const OVER_RAW: ReadonlyMap<string, string> = new Map([
  ['attempts', "countIf(kind = 'usage' AND line = 0)"],
  ['operations', "countIf(kind = 'usage' AND line = 0 AND final)"],
  ['unpriced_count', "countIf(kind = 'usage' AND unpriced_reason != '')"],
  ['estimated_count', "countIf(kind = 'usage' AND usage_source = 'estimated')"],
  ...TOKEN_BUCKETS.map((bucket): [string, string] => [bucketColumn(bucket), `sum(${bucketColumn(bucket)})`]),
  ...['market_cost', 'total_cost', 'surcharge_cost', 'charge'].map((name): [string, string] => [
    name,
    `sumIf(assumeNotNull(${name}), ${name} IS NOT NULL)`,
  ]),
  [
    'margin',
    'sumIf(assumeNotNull(charge) - assumeNotNull(total_cost), charge IS NOT NULL AND total_cost IS NOT NULL)',
  ],
]);

/** Additive columns that this comparison does not know, which would go unchecked. */
export function unknownColumns(): string[] {
  return ADDITIVE_COLUMNS.map(({ name }) => name).filter((name) => !OVER_RAW.has(name));
}

/** Holds every rollup against raw: per org, every additive column. */
export async function compareRollups(client: StoreClient): Promise<Finding[]> {
  const names = ADDITIVE_COLUMNS.map(({ name }) => name);
  const raw = await readSums(
    client,
    `SELECT org_id, ${names.map((name) => OVER_RAW.get(name) ?? '0').join(', ')} FROM raw_events GROUP BY org_id`,
  );
  const findings: Finding[] = [];
  for (const rollup of ROLLUPS) {
    const sums = await readSums(
      client,
      `SELECT org_id, ${names.map((name) => `sum(${name})`).join(', ')} FROM ${rollup.name} GROUP BY org_id`,
    );
    findings.push(...drift({ rollup: rollup.name, names, raw, sums }));
  }
  return findings;
}

type TextSums = ReadonlyMap<string, readonly string[]>;

function drift(sides: {
  readonly rollup: string;
  readonly names: readonly string[];
  readonly raw: TextSums;
  readonly sums: TextSums;
}): Finding[] {
  const { rollup, names, raw, sums } = sides;
  return [...new Set([...raw.keys(), ...sums.keys()])].flatMap((orgId) =>
    names.flatMap((name, index) => {
      const expected = raw.get(orgId)?.[index] ?? '0';
      const found = sums.get(orgId)?.[index] ?? '0';
      return expected === found
        ? []
        : [finding('rollup_drift', `${rollup} ${orgId} ${name}`, expected, found)];
    }),
  );
}

/** Sums by org, as exact text. */
async function readSums(client: StoreClient, query: string): Promise<TextSums> {
  const rows = await readText(client, query);
  return new Map(rows.map(([orgId, ...values]) => [String(orgId), values.map(String)]));
}
