import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rateUsage, type UsageEvent, uuidText } from '@meterstone/metering';
import {
  appendRawRow,
  createRawBlock,
  createStoreClient,
  createUserKeyer,
  insertRawBlock,
  migrate,
  ROLLUPS,
  type StoreClient,
} from '@meterstone/store';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { compareRows, compareSums, type Finding, finding, sumsOf, type Truth } from './compare.ts';
import { type PipelineConfig, writePipelineConfig } from './pipeline-config.ts';
import { createChance } from './random.ts';
import { compareRollups, unknownColumns } from './rollup-drift.ts';
import { sentEvent } from './sent-event.ts';
import { countDoubles, readStoredRows, readStoredSums } from './stored-rows.ts';
import { type Expected, expectedKey, expectedOf } from './truth.ts';

const EVENTS = 200;
const NO_TOKEN = "SETTINGS async_insert = 0, insert_deduplicate = 0, deduplicate_insert = 'disable'";

let store: StoreClient;
let config: PipelineConfig;
let events: UsageEvent[];

/** Everything that a round compares of raw and rollups, as it does. */
async function compareStored(truth: Truth): Promise<Finding[]> {
  const rows = compareRows(truth, await readStoredRows(store, new Map()));
  const doubles = await countDoubles(store);
  return [
    ...rows.findings,
    ...(doubles === 0 ? [] : [finding('doubled', 'raw_events', '0 rows too many', `${doubles}`)]),
    ...compareSums(sumsOf(rows.matched), await readStoredSums(store)),
    ...(await compareRollups(store)),
  ];
}

function truthOf(list: readonly UsageEvent[]): Truth {
  const expected = list.map((event): [string, Expected] => {
    const line = expectedOf(event, rateUsage(event, config.terms), uuidText(event.eventId));
    return [expectedKey(line), line];
  });
  return { expected: new Map(expected), interrupted: new Set() };
}

/** What is inserted into a rollup goes on to those that it feeds. */
function isFedBy(name: string, rollup: string): boolean {
  const source = ROLLUPS.find((each) => each.name === name)?.source;
  return name === rollup || (source !== undefined && isFedBy(source, rollup));
}

async function insert(list: readonly UsageEvent[]): Promise<void> {
  const block = createRawBlock();
  const userKey = createUserKeyer(Buffer.from('a secret of the planted faults'));
  for (const [kafkaOffset, event] of list.entries()) {
    appendRawRow(block, {
      event,
      rating: rateUsage(event, config.terms),
      userKey: userKey(event.orgId, event.user),
      coordinates: { stream: 1, kafkaPartition: 0, kafkaOffset },
    });
  }
  await insertRawBlock({ client: store, block, token: randomBytes(8).toString('hex') });
}

beforeEach(async () => {
  const database = `planted_${randomBytes(4).toString('hex')}`;
  store = createStoreClient({ url: inject('clickhouseUrl'), username: 'default', password: '', database });
  await migrate({ client: store, database });
  config ??= await writePipelineConfig(
    mkdtempSync(join(tmpdir(), 'meterstone-planted-')),
    'http://127.0.0.1:9',
  );
  const chance = createChance(11);
  events = Array.from({ length: EVENTS }, () => sentEvent(chance, Date.now()));
  return () => store.close();
});

describe('the comparison of the harness', () => {
  it('knows every additive column of the rollups', () => {
    expect(unknownColumns()).toEqual([]);
  });

  it('finds nothing where all is well', async () => {
    await insert(events);
    expect(await compareStored(truthOf(events))).toEqual([]);
  });

  it('finds an event that never arrived, and nothing else', async () => {
    const [lost] = events;
    await insert(events.slice(1));
    expect(await compareStored(truthOf(events))).toEqual([
      { kind: 'lost', where: `${lost?.operationId}/0`, expected: '1 row', found: 'no row' },
    ]);
  });

  it('finds a row that raw lost and its rollups still have', async () => {
    const [lost] = events;
    await insert(events);
    await store.command({
      query: `ALTER TABLE raw_events DELETE WHERE operation_id = '${lost?.operationId}' SETTINGS mutations_sync = 1`,
    });
    const findings = await compareStored(truthOf(events));
    expect(findings.filter(({ kind }) => kind === 'lost').map(({ where }) => where)).toEqual([
      `${lost?.operationId}/0`,
    ]);
    for (const rollup of ROLLUPS) {
      expect(findings).toContainEqual(
        expect.objectContaining({
          kind: 'rollup_drift',
          where: `${rollup.name} ${lost?.orgId} input_tokens`,
        }),
      );
    }
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['lost', 'rollup_drift']));
  });

  it('finds a row that stands twice, in raw and in its sums', async () => {
    const [twice] = events;
    await insert(events);
    await store.command({
      query: `INSERT INTO raw_events ${NO_TOKEN} SELECT * FROM raw_events WHERE operation_id = '${twice?.operationId}'`,
    });
    const findings = await compareStored(truthOf(events));
    expect(findings.slice(0, 2)).toEqual([
      { kind: 'doubled', where: `${twice?.operationId}/0`, expected: '1 row', found: '2 rows' },
      { kind: 'doubled', where: 'raw_events', expected: '0 rows too many', found: '1' },
    ]);
    const sums = findings.slice(2);
    expect(sums).toContainEqual(
      expect.objectContaining({ kind: 'wrong_sum', where: `raw_events ${twice?.orgId} rows` }),
    );
    // The views saw the second row too, so raw and rollups agree with each other.
    expect(new Set(sums.map(({ kind }) => kind))).toEqual(new Set(['wrong_sum']));
    expect(sums.every(({ where }) => where.startsWith(`raw_events ${twice?.orgId} `))).toBe(true);
  });

  it.each(ROLLUPS.map(({ name }) => name))(
    'finds a drift of one column of %s, and nothing else',
    async (rollup) => {
      await insert(events);
      await store.command({
        query: `INSERT INTO ${rollup} (org_id, period_start, output_tokens) ${NO_TOKEN} VALUES ('acme', now(), 7)`,
      });
      const findings = await compareStored(truthOf(events));
      expect(findings.map(({ kind, where }) => [kind, where])).toEqual(
        ROLLUPS.filter(({ name }) => isFedBy(name, rollup)).map(({ name }) => [
          'rollup_drift',
          `${name} acme output_tokens`,
        ]),
      );
      for (const { found, expected } of findings) expect(BigInt(found) - BigInt(expected)).toBe(7n);
    },
  );
});
