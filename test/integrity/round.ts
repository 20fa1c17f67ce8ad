import { setTimeout as sleep } from 'node:timers/promises';
import { rateUsage } from '@meterstone/metering';
import { compareRows, compareSums, type Finding, finding, type Truth } from './compare.ts';
import { compareLedger } from './compare-ledger.ts';
import { type DirectLoad, startDirectLoad } from './direct-load.ts';
import { type Fault, faultText, isKill } from './faults.ts';
import { inflict } from './inflict.ts';
import type { Attempt } from './provider.ts';
import { type ClientCall, type ProxiedLoad, startProxiedLoad } from './proxied-load.ts';
import type { Chance } from './random.ts';
import { readLetterValues, readLogEnds, waitForRest } from './rest.ts';
import { compareRollups } from './rollup-drift.ts';
import { knownEvent } from './sent-event.ts';
import { countDoubles, type Offsets, readStoredRows, readStoredSums } from './stored-rows.ts';
import { KAFKA_PARTITIONS, type PipelineUnderTest } from './system.ts';
import { addToSums, type Expected, expectedKey, expectedOf, type Sums } from './truth.ts';

/** What one round did and found. */
export interface RoundReport {
  readonly findings: readonly Finding[];
  readonly kills: number;
  readonly events: number;
  readonly attempts: number;
  readonly orphansSeen: number;
  readonly orphansUnseen: number;
  /** From the first event to the last. */
  readonly loadMs: number;
}

export interface RoundOptions {
  readonly pipeline: PipelineUnderTest;
  readonly number: number;
  readonly seed: number;
  readonly chance: Chance;
  readonly faults: readonly Fault[];
  /** Sums over all rounds so far; this round's are added. */
  readonly sums: Sums;
  readonly say: (line: string) => void;
}

/** A call that ended so long before a kill may still have been interrupted by it. */
const INTERRUPTED_MS = 1_000;

const CLIENTS = 8;
const BATCH_EVENTS = 100;
const BATCH_PAUSE_MS = 60;
const FIRST_FAULT_MS = 800;
const FAULT_PAUSE_MS_MAX = 1_500;
const REST_MS_MAX = 90_000;
/** After the last look that found the pipeline at rest, what is missing may still turn up for so long. */
const LATE_MS_MAX = 5_000;

/** Load, faults under it, rest, comparison. */
export async function runRound(options: RoundOptions): Promise<RoundReport> {
  const { pipeline, seed, number } = options;
  const from = await readLogEnds(pipeline, pipeline.topics.usageEvents);
  const attemptsBefore = pipeline.provider.attempts.length;
  const killedAt: number[] = [];
  const startedAt = Date.now();
  const direct = startDirectLoad({
    kafka: pipeline.kafka,
    topic: pipeline.topics.usageEvents,
    kafkaPartitions: KAFKA_PARTITIONS,
    batchEvents: BATCH_EVENTS,
    pauseMs: BATCH_PAUSE_MS,
    seed: seed + number,
  });
  const proxied = startProxiedLoad({
    proxyUrl: pipeline.proxy.url,
    keys: pipeline.config.keys,
    clients: CLIENTS,
    seed: seed + number,
    prefix: `r${number}`,
  });
  const kills = await inflictAll(options, killedAt);
  await Promise.all([direct.stop(), proxied.stop()]);
  const loadMs = Date.now() - startedAt;
  const under = await waitForRest(pipeline, REST_MS_MAX);
  const attempts = pipeline.provider.attempts.slice(attemptsBefore);
  const truth = truthOf({ pipeline, direct, attempts, calls: proxied.calls, killedAt });
  const compared = await compareAll(options, { truth, from, direct });
  const stuck = under === null ? [] : [finding('stuck', 'pipeline', 'at rest', under)];
  return {
    ...compared,
    findings: [...stuck, ...compared.findings, ...refusals(proxied)],
    kills,
    events: direct.events.length,
    attempts: attempts.length,
    loadMs,
  };
}

async function inflictAll(options: RoundOptions, killedAt: number[]): Promise<number> {
  const { pipeline, chance, faults, say } = options;
  let kills = 0;
  await sleep(FIRST_FAULT_MS);
  for (const fault of faults) {
    const startedAt = Date.now();
    const outcome = await inflict(fault, {
      pipeline,
      chance,
      onProxyKilled: () => killedAt.push(Date.now()),
    });
    if (isKill(fault) && outcome !== 'nothing_to_do') kills += 1;
    say(`  ${faultText(fault)}: ${outcome}, ${Date.now() - startedAt} ms`);
    await sleep(chance.between(0, FAULT_PAUSE_MS_MAX));
  }
  return kills;
}

interface TruthSources {
  readonly pipeline: PipelineUnderTest;
  readonly direct: DirectLoad;
  readonly attempts: readonly Attempt[];
  readonly calls: readonly ClientCall[];
  readonly killedAt: readonly number[];
}

function truthOf({ pipeline, direct, attempts, calls, killedAt }: TruthSources): Truth {
  const { terms } = pipeline.config;
  const orgOf = new Map(calls.map((call) => [call.operationId, call.orgId]));
  const expected = new Map<string, Expected>();
  const expect = (line: Expected) => expected.set(expectedKey(line), line);
  for (const event of direct.events) {
    const hex = Buffer.from(event.eventId).toString('hex');
    expect(expectedOf(event, rateUsage(event, terms), hex.replace(UUID_PARTS, '$1-$2-$3-$4-$5')));
  }
  for (const { operationId, api, model, tokens } of attempts) {
    const event = knownEvent({
      operationId,
      orgId: orgOf.get(operationId) ?? '',
      // The time of the request selects the price; no price of ours changes within a round.
      occurredAt: Date.now(),
      provider: api,
      requestModel: model,
      responseModel: model,
      ...tokens,
    });
    expect(expectedOf(event, rateUsage(event, terms), null));
  }
  return {
    expected,
    interrupted: interruptedCalls(calls, killedAt),
  };
}

const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

/** Operations whose call was open at a kill, or ended a moment before it. */
function interruptedCalls(calls: readonly ClientCall[], killedAt: readonly number[]): ReadonlySet<string> {
  const near = calls.filter(({ startedAt, endedAt }) =>
    killedAt.some((at) => startedAt <= at && (endedAt === null || endedAt >= at - INTERRUPTED_MS)),
  );
  return new Set(near.map(({ operationId }) => operationId));
}

interface RoundTruth {
  readonly truth: Truth;
  readonly from: Offsets;
  readonly direct: DirectLoad;
}

async function compareAll({ pipeline, sums }: RoundOptions, { truth, from, direct }: RoundTruth) {
  const { store } = pipeline;
  let rows = compareRows(truth, await readStoredRows(store, from));
  // What was sent again after a kill may arrive after everything else; what is doubled never goes away.
  for (let waitedMs = 0; waitedMs < LATE_MS_MAX && rows.findings.length > 0; waitedMs += LATE_MS_MAX / 5) {
    await sleep(LATE_MS_MAX / 5);
    rows = compareRows(truth, await readStoredRows(store, from));
  }
  for (const expected of rows.matched) addToSums(sums, expected);
  const doubles = await countDoubles(store);
  const findings = [
    ...rows.findings,
    ...(doubles === 0 ? [] : [finding('doubled', 'raw_events', '0 rows too many', `${doubles}`)]),
    ...compareSums(sums, await readStoredSums(store)),
    ...(await compareRollups(store)),
    ...(await compareLedger(pipeline)),
    ...comparePoison(direct.poison, await readLetterValues(pipeline, from)),
  ];
  return { ...rows, findings };
}

function comparePoison(sent: ReadonlySet<string>, letters: ReadonlySet<string>): Finding[] {
  const missing = sent.difference(letters).size;
  const strange = letters.difference(sent).size;
  return missing + strange === 0
    ? []
    : [finding('wrong_letters', 'dead letters', `${sent.size}`, `${missing} missing, ${strange} strange`)];
}

/** A killed proxy refuses connections; one that runs must not refuse requests. */
function refusals({ refused }: ProxiedLoad): Finding[] {
  return [...refused].map(([status, count]) =>
    finding('refused', 'proxy', 'status 200', `${count} × ${status}`),
  );
}
