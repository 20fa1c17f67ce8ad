import type { Bench, BenchOptions, BenchOutcome } from '../bench.ts';
import { measured, type Result, ratioOf } from '../result-file.ts';
import { type Comparison, compare, faultOf, interleave, type Sandwich, summarize } from '../rounds.ts';
import type { LoadQuestion } from './load-generator.ts';
import { checkMetered } from './metered-check.ts';
import { type ProxySubjects, type SubjectRun, startSubjects } from './proxy-subjects.ts';
import type { ScenarioName } from './scenarios.ts';

const LOAD_NAMES: readonly ScenarioName[] = ['json', 'prompt_300k', 'sse', 'sse_paced'];
/** Seconds of one run, and of the warm-up of each subject in each scenario. */
const SECONDS = { run: 5, warmUp: 8 };
const SHORT_SECONDS = { run: 1, warmUp: 1 };
const LOADS: Readonly<Record<ScenarioName, LoadQuestion['load']>> = {
  json: { connections: 32 },
  prompt_300k: { connections: 8 },
  sse: { connections: 16 },
  sse_paced: { rate: 150 },
};
/** Latency is looked at under this share of what the proxy can do. */
const LATENCY_LOAD = 0.3;
/** Below this the proxy was waiting for its load: then its requests a second are the generator's. */
const SUBJECT_BUSY_MIN = 0.9;
/** Requests that leave later than this make a latency the generator's. */
const LATE_MS_MAX = 10;

/** The proxy against a bare pass-through: CPU per request, requests a second, added latency. */
export const proxyBench: Bench = async (bench) => {
  const subjects = await startSubjects(bench);
  const seconds = bench.short ? SHORT_SECONDS : SECONDS;
  const names = LOAD_NAMES.filter((name) => bench.loads?.includes(name) ?? true);
  const rounds = new Map<ScenarioName, ScenarioRound[]>();
  for (const name of names) {
    bench.say(`${name}: warming up, then ${bench.rounds} rounds`);
    rounds.set(name, await runScenario({ bench, subjects, seconds }, name));
  }
  const json = rounds.get('json') ?? [];
  const latency = json.length === 0 ? null : await runLatency({ bench, subjects, seconds }, json);
  const events = await checkMetered(bench, subjects);
  bench.say(`${events} answers of ours, ${events} events, every token in place`);
  return toOutcome(rounds, latency);
};

interface ProxyBenchParts {
  readonly bench: BenchOptions;
  readonly subjects: ProxySubjects;
  readonly seconds: { readonly run: number; readonly warmUp: number };
}

/** A round of one load; `unjournaled` is ours without a journal, between the same two runs of the baseline. */
interface ScenarioRound extends Sandwich<SubjectRun> {
  readonly unjournaled: SubjectRun;
}

async function runScenario(parts: ProxyBenchParts, scenario: ScenarioName): Promise<ScenarioRound[]> {
  const { bench, subjects, seconds } = parts;
  const load = { scenario, load: LOADS[scenario] };
  for (const subject of ['bare', 'unjournaled', 'ours'] as const)
    await subjects.run(subject, { ...load, seconds: seconds.warmUp });
  const run = async (subject: 'bare' | 'ours' | 'unjournaled') => {
    const done = await subjects.run(subject, { ...load, seconds: seconds.run });
    const rate = Math.round(done.answers / done.seconds);
    bench.say(
      `${scenario} ${subject}: ${done.cpuUs.toFixed(1)} µs, ${rate}/s, busy ${done.subjectBusy.toFixed(2)}`,
    );
    return done;
  };
  const done: ScenarioRound[] = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const before = await run('bare');
    // The order of the two changes, so that none of them always comes second.
    const [first, second] =
      round % 2 === 0 ? (['ours', 'unjournaled'] as const) : (['unjournaled', 'ours'] as const);
    const runs = { [first]: await run(first), [second]: await run(second) } as Record<
      typeof first | typeof second,
      SubjectRun
    >;
    done.push({ before, ...runs, after: await run('bare') });
  }
  return done;
}

interface LatencyRun {
  readonly p50Ms: number;
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
  readonly lateP99Ms: number;
}

interface LatencyRounds {
  /** Requests a second. */
  readonly rate: number;
  readonly rounds: readonly Sandwich<LatencyRun>[];
}

/** What a proxy adds to the median of a direct call, at the same rate for all, direct calls right before each run. */
async function runLatency(
  { bench, subjects, seconds }: ProxyBenchParts,
  json: readonly Sandwich<SubjectRun>[],
): Promise<LatencyRounds> {
  const capacity = summarize(json.map(({ ours }) => ours.answers / ours.seconds)).median;
  const rate = Math.max(100, Math.round((capacity * LATENCY_LOAD) / 100) * 100);
  const load = { scenario: 'json', load: { rate }, seconds: seconds.run } as const;
  bench.say(`latency at ${rate} requests/s`);
  const run = async (subject: 'bare' | 'ours'): Promise<LatencyRun> => {
    const direct = await subjects.run('direct', load);
    const { p50Ms, p99Ms, lateP99Ms } = await subjects.run(subject, load);
    bench.say(`latency ${subject}: p50 ${p50Ms.toFixed(3)} ms, direct ${direct.p50Ms.toFixed(3)} ms`);
    return {
      p50Ms,
      addedP50Ms: p50Ms - direct.p50Ms,
      addedP99Ms: p99Ms - direct.p99Ms,
      lateP99Ms: Math.max(lateP99Ms, direct.lateP99Ms),
    };
  };
  return {
    rate,
    rounds: await interleave(bench.rounds, { baseline: () => run('bare'), ours: () => run('ours') }),
  };
}

/** `fault`: why it is no figure; `null` = it is one. */
interface Judged {
  readonly comparison: Comparison;
  readonly fault: string | null;
}

function toOutcome(
  rounds: ReadonlyMap<ScenarioName, readonly ScenarioRound[]>,
  latency: LatencyRounds | null,
): BenchOutcome {
  const results: Result[] = [];
  const withheld: string[] = [];
  const addRatio = (metric: string, unit: string, { comparison, fault }: Judged) => {
    if (fault === null) results.push(ratioOf(metric, unit, comparison));
    else withheld.push(`${metric}: ${fault}`);
  };
  for (const [name, runs] of rounds) {
    const cpu = compare(runs, ({ cpuUs }) => cpuUs, 'cost');
    const late = name === 'sse_paced' ? lateness(runs) : null;
    addRatio(`${name}_cpu_ratio`, 'bare ÷ ours, CPU µs/request', {
      comparison: cpu,
      fault: late ?? faultOf(cpu),
    });
    const unjournaled = compare(
      runs.map((round) => ({ ...round, ours: round.unjournaled })),
      ({ cpuUs }) => cpuUs,
      'cost',
    );
    addRatio(`${name}_unjournaled_cpu_ratio`, 'bare ÷ ours without journal', {
      comparison: unjournaled,
      fault: late ?? faultOf(unjournaled),
    });
    const journal = runs.map(({ ours, unjournaled: without }) => ours.cpuUs - without.cpuUs);
    results.push(measured(`${name}_journal_us`, 'CPU µs/request', summarize(journal)));
    results.push(measured(`${name}_cpu_noise`, 'bare ÷ itself', cpu.noise));
    results.push(measured(`${name}_cpu_us`, 'CPU µs/request', cpu.ours));
  }
  const json = rounds.get('json') ?? [];
  if (json.length > 0) {
    const cost = json.map(({ before, ours, after }) => ours.cpuUs - (before.cpuUs + after.cpuUs) / 2);
    results.push(measured('metering_us_per_request', 'CPU µs/request over bare', summarize(cost)));
    addThroughput(results, withheld, json);
  }
  if (latency !== null) {
    const added = compare(latency.rounds, ({ addedP50Ms }) => addedP50Ms, 'rate');
    // A difference of two small times moves more than either: whether the machine held still shows in the time itself.
    const still = faultOf(compare(latency.rounds, ({ p50Ms }) => p50Ms, 'cost'));
    addRatio('added_p50_ratio', 'ours ÷ bare, added ms', {
      comparison: added,
      fault: lateness(latency.rounds) ?? still,
    });
    results.push(measured('added_p50_noise', 'bare ÷ itself', added.noise));
    results.push(measured('added_p50_ms', 'ms', added.ours));
    results.push({ metric: 'latency_rate', value: latency.rate, unit: 'requests/s' });
  }
  return { results, withheld };
}

function addThroughput(results: Result[], withheld: string[], json: readonly Sandwich<SubjectRun>[]): void {
  const comparison = compare(json, ({ answers, seconds }) => answers / seconds, 'rate');
  const runs = json.flatMap(({ before, ours, after }) => [before, ours, after]);
  const busy = Math.min(...runs.map(({ subjectBusy }) => subjectBusy));
  if (busy < SUBJECT_BUSY_MIN) {
    withheld.push(
      `requests_per_s: a proxy used ${Math.round(busy * 100)} % of its core, so its load was the limit`,
    );
    return;
  }
  const { median: ratio } = comparison.ratio;
  results.push({
    ...measured('requests_per_s', 'requests/s', comparison.ours),
    baseline: comparison.baseline.median,
    ratio,
  });
}

/** `null` = the generator sent in time. */
function lateness(rounds: readonly Sandwich<{ readonly lateP99Ms: number }>[]): string | null {
  const worst = Math.max(
    ...rounds.flatMap(({ before, ours, after }) => [before, ours, after].map(({ lateP99Ms }) => lateP99Ms)),
  );
  return worst > LATE_MS_MAX
    ? `the generator sent ${Math.round(worst)} ms late (p99), so it was the limit`
    : null;
}
