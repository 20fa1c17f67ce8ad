import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { seededRandom } from '../../support/replay-provider.ts';
import { type Bench, type BenchOptions, type BenchOutcome, WrongSums } from '../bench.ts';
import { quantile } from '../quantile.ts';
import { measured, type Result } from '../result-file.ts';
import { summarize } from '../rounds.ts';
import { type BenchStack, connectKafka, startBenchStack } from '../stack/bench-stack.ts';
import { connectClickHouse } from '../stack/clickhouse.ts';
import { drainTopic } from '../stack/drain.ts';
import { openGroupProgress } from '../stack/group-progress.ts';
import { startService } from '../stack/service-process.ts';
import { checkStored } from '../stack/stored-sums.ts';
import { fillTopic } from '../traffic/fill-topic.ts';
import { trafficConfig } from '../traffic/orgs.ts';
import { type HttpCall, timeCall } from './http-call.ts';
import { recordQueries } from './query-recorder.ts';
import { REPORT_FORMS, type ReportForm, type ReportRange, toReportCall } from './report-questions.ts';

const EVENTS = 1_000_000;
const SHORT_EVENTS = 50_000;
/** Different questions of each form in one round. */
const CALLS = 40;
const SHORT_CALLS = 5;
const DAYS = 30;
const DAY_MS = 86_400_000;
const SERVICE = { topicPrefix: 'bench', database: 'bench', kafkaPartitions: 8 };

/** Reports over events that came through the real aggregator, against the same query straight to ClickHouse. */
export const reportBench: Bench = async (bench) => {
  const stack = await startBenchStack(bench);
  const stored = await storeEvents(bench, stack);
  const calls = await recordCalls(bench, stack, stored);
  const reporting = await startService({
    ...SERVICE,
    ...stored,
    name: 'reporting',
    bench,
    stack,
    core: null,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  bench.defer(async () => agent.destroy());
  const times = new Map<string, Times[]>(REPORT_FORMS.map(({ name }) => [name, []]));
  for (let round = -1; round < bench.rounds; round += 1) {
    for (const { form, asked, direct } of calls) {
      const seen = await timeOnce(agent, {
        asked: { ...asked, url: reporting.url + pathOf(asked) },
        direct,
        floor: { ...direct, url: selectOneUrl(direct), body: Buffer.from('SELECT 1') },
      });
      // The first round warms both sides up.
      if (round >= 0) addTimes(times.get(form.name), round, seen);
    }
    bench.say(round < 0 ? 'warm' : `round ${round + 1} of ${bench.rounds}`);
  }
  await reporting.stop();
  return toOutcome(times, stored);
};

interface Stored {
  readonly configPath: string;
  readonly range: ReportRange;
  readonly events: number;
  readonly rollupRowsRatio: number;
}

async function storeEvents(bench: BenchOptions, stack: BenchStack): Promise<Stored> {
  const events = bench.events ?? (bench.short ? SHORT_EVENTS : EVENTS);
  const kafka = connectKafka(stack);
  const configPath = join(stack.folder, 'meterstone.yaml');
  // JSON is YAML.
  writeFileSync(configPath, JSON.stringify(trafficConfig('http://127.0.0.1:1')));
  const end = Date.now();
  const start = end - DAYS * DAY_MS;
  bench.say(`storing ${events} events of ${DAYS} days`);
  const produced = await fillTopic({ ...SERVICE, kafka, events, start, end, seed: 11 });
  const progress = await openGroupProgress(kafka, SERVICE.topicPrefix, bench.defer);
  await drainTopic({ ...SERVICE, bench: { ...bench, nodeFlags: [] }, stack, configPath }, progress);
  const clickhouse = connectClickHouse(stack.stack.clickhouseUrl);
  await checkStored(clickhouse, SERVICE.database, produced);
  const sizes = await clickhouse.rows(
    `SELECT total_rows AS table_rows FROM system.tables WHERE database = '${SERVICE.database}'
     AND engine = 'AggregatingMergeTree'`,
  );
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return {
    configPath,
    events,
    range: { startDate: day(start), endDate: day(end) },
    rollupRowsRatio: events / Math.max(1, ...sizes.map((row) => Number(row['table_rows']))),
  };
}

interface RecordedCall {
  readonly form: ReportForm;
  readonly asked: HttpCall;
  /** The query that reporting sent for it. */
  readonly direct: HttpCall;
}

/** Asks every question once through a relay, and keeps what reporting asked ClickHouse. */
async function recordCalls(bench: BenchOptions, stack: BenchStack, stored: Stored): Promise<RecordedCall[]> {
  const recorder = await recordQueries(stack.stack.clickhouseUrl);
  bench.defer(() => recorder.close());
  const reporting = await startService({
    ...SERVICE,
    ...stored,
    name: 'reporting',
    bench: { ...bench, nodeFlags: [] },
    stack,
    core: null,
    clickhouseUrl: recorder.url,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const random = seededRandom(3);
  const calls: RecordedCall[] = [];
  for (let index = 0; index < (bench.short ? SHORT_CALLS : CALLS); index += 1) {
    for (const form of REPORT_FORMS) {
      const asked = toReportCall(form, { reportingUrl: reporting.url, range: stored.range, random });
      recorder.take();
      await timeCall(agent, asked);
      // Between reports, reporting also asks whether ClickHouse is there.
      const queries = recorder.take().filter(isReportQuery);
      const [direct] = queries;
      if (direct === undefined || queries.length > 1) {
        throw new Error(`a report by ${form.name} took ${queries.length} queries, not one`);
      }
      calls.push({ form, asked, direct });
    }
  }
  agent.destroy();
  await reporting.stop();
  return calls;
}

function isReportQuery({ url, body }: HttpCall): boolean {
  return body.includes('GROUP BY') || url.includes('GROUP+BY');
}

function pathOf({ url }: HttpCall): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** The least that ClickHouse answers, on the same connection and as the same user. */
function selectOneUrl({ url }: HttpCall): string {
  const { origin } = new URL(url);
  return `${origin}/?database=${SERVICE.database}`;
}

interface Times {
  readonly asked: number[];
  readonly direct: number[];
  readonly floor: number[];
}

async function timeOnce(
  agent: Agent,
  calls: Readonly<Record<keyof Times, HttpCall>>,
): Promise<Record<keyof Times, number>> {
  const floor = await timeCall(agent, calls.floor);
  const direct = await timeCall(agent, calls.direct);
  const asked = await timeCall(agent, calls.asked);
  const rows = JSON.parse(asked.answer.toString()) as { results: unknown[] };
  const found = JSON.parse(direct.answer.toString()) as { rows: number };
  if (rows.results.length !== found.rows && rows.results.length < 4_096) {
    throw new WrongSums(`a report has ${rows.results.length} rows and its query ${found.rows}`);
  }
  return { asked: asked.ms, direct: direct.ms, floor: floor.ms };
}

function addTimes(
  times: Times[] | undefined,
  round: number,
  seen: Readonly<Record<keyof Times, number>>,
): void {
  if (times === undefined) return;
  times[round] ??= { asked: [], direct: [], floor: [] };
  for (const side of ['asked', 'direct', 'floor'] as const) times[round][side].push(seen[side]);
}

function toOutcome(times: ReadonlyMap<string, readonly Times[]>, stored: Stored): BenchOutcome {
  const results: Result[] = [
    { metric: 'events', value: stored.events, unit: 'events' },
    {
      metric: 'rollup_rows_ratio',
      value: stored.rollupRowsRatio,
      unit: 'rows of raw ÷ of the largest rollup',
    },
  ];
  for (const [name, rounds] of times) {
    const p50 = timesOf(`${name}_p50_ms`, rounds, 0.5);
    const ratios = rounds.map(({ asked, direct }) => quantile(asked, 0.5) / quantile(direct, 0.5));
    const ratio = summarize(ratios);
    results.push({ ...p50, ratio: ratio.median }, timesOf(`${name}_p99_ms`, rounds, 0.99));
    if (name !== 'customer') continue;
    const unit = 'API ÷ same query straight, p50 of customer';
    results.push({ ...measured('ratio_direct', unit, ratio), baseline: p50.baseline, ratio: ratio.median });
    const floor = rounds.flatMap((round) => round.floor);
    results.push({
      metric: 'select_1_p50_ms',
      value: quantile(floor, 0.5),
      unit: 'ms',
      rounds: rounds.length,
    });
  }
  return { results, withheld: [] };
}

/** Over all calls of all rounds, with the range of the rounds; `baseline` is the same query straight. */
function timesOf(
  metric: string,
  rounds: readonly Times[],
  share: number,
): Result & { readonly baseline: number } {
  const byRound = summarize(rounds.map(({ asked }) => quantile(asked, share)));
  const all = (side: keyof Times) =>
    quantile(
      rounds.flatMap((round) => round[side]),
      share,
    );
  return { ...measured(metric, 'ms', byRound), value: all('asked'), baseline: all('direct') };
}
