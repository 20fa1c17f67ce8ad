import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '@meterstone/local-stack';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Aim, Fault } from './faults.ts';
import { findingLines } from './finding-lines.ts';
import { createChance } from './random.ts';
import { runRound } from './round.ts';
import { readText } from './stored-rows.ts';
import { type PipelineUnderTest, startOwnStack, startPipelineUnderTest } from './system.ts';

const SEED = 26;
const KILLS_MIN = 10;
const LOAD_MS_MAX = 120_000;
const TEST_MS_MAX = 300_000;

const at = (request: Aim['request'], moment: Aim['moment'], delayMs = 0): Aim => ({
  request,
  moment,
  delayMs,
});

/** Every point of death once, and the proxy again and again in between. */
const FAULTS: readonly Fault[] = [
  { kind: 'kill_aggregator', aim: at('rows', 'before_forwarding') },
  { kind: 'kill_proxy' },
  { kind: 'lose_produce_answer' },
  { kind: 'kill_aggregator', aim: at('rows', 'before_answer') },
  { kind: 'kill_proxy' },
  { kind: 'kill_clickhouse', aim: at('rows', 'while_forwarding', 10) },
  { kind: 'lose_insert_answer' },
  { kind: 'kill_proxy' },
  { kind: 'kill_aggregator', aim: at('rows', 'while_forwarding', 5) },
  { kind: 'kill_kafka' },
  { kind: 'kill_proxy' },
  { kind: 'add_aggregator' },
  { kind: 'kill_clickhouse', aim: null },
  { kind: 'kill_proxy' },
];
const LEDGER_FAULT: Fault = { kind: 'kill_aggregator', aim: at('ledger', 'before_answer') };

let folder: string;
let stack: Stack;
let pipeline: PipelineUnderTest;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterstone-kills-'));
  stack = await startOwnStack(folder, () => {});
  pipeline = await startPipelineUnderTest(stack, { folder, seed: SEED });
}, TEST_MS_MAX);

afterAll(async () => {
  await pipeline?.stopServices();
  await stack?.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

it('loses and doubles nothing, whatever is killed under load', { timeout: TEST_MS_MAX }, async () => {
  const [exists] = await readText(pipeline.store, 'EXISTS TABLE ingest_ranges');
  const faults = Number(exists?.[0]) === 1 ? [...FAULTS, LEDGER_FAULT] : FAULTS;
  const said: string[] = [];
  const report = await runRound({
    pipeline,
    number: 1,
    seed: SEED,
    chance: createChance(SEED),
    faults,
    sums: new Map(),
    say: (line) => said.push(line),
  });
  expect(findingLines(report.findings), said.join('\n')).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(KILLS_MIN);
  expect(report.loadMs).toBeLessThanOrEqual(LOAD_MS_MAX);
  expect(report.attempts).toBeGreaterThan(200);
});
