import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, BenchOptions } from './bench.ts';
import { findCores } from './cores.ts';
import { freshnessBench } from './freshness/freshness-bench.ts';
import { describeCommit, describeMachine, describeVersions } from './machine.ts';
import { memoryCopyGigabytes } from './memory-speed.ts';
import { pipelineBench } from './pipeline/pipeline-bench.ts';
import { proxyBench } from './proxy/proxy-bench.ts';
import { ratingBench } from './rating/rating-bench.ts';
import { reportBench } from './report/report-bench.ts';
import { resultTable, writeResult } from './result-file.ts';
import { soakBench } from './soak/soak-bench.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  proxy: proxyBench,
  pipeline: pipelineBench,
  report: reportBench,
  soak: soakBench,
  freshness: freshnessBench,
  rating: ratingBench,
};
const ROUNDS = 5;
const SHORT_ROUNDS = 1;
const BENCH_FOLDER = resolve(import.meta.dirname, '../../.meterstone/bench');
const PROFILE_FLAGS = ['--cpu-prof', `--cpu-prof-dir=${join(BENCH_FOLDER, 'profiles')}`];
const USAGE = `usage: npm run bench -- <${Object.keys(BENCHES).join(' | ')}> [--rounds N] [--events N] [--loads a,b] [--against a,b] [--rate N] [--minutes N] [--short] [--profile]`;
const EXIT = { ok: 0, failed: 1, wrongUse: 2 } as const;

interface Request {
  readonly name: string;
  readonly bench: Bench;
  readonly rounds: number;
  readonly events: number | null;
  readonly loads: readonly string[] | null;
  readonly against: readonly string[] | null;
  readonly rate: number | null;
  readonly minutes: number | null;
  readonly short: boolean;
  readonly profile: boolean;
}

function readRequest(args: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      events: { type: 'string' },
      loads: { type: 'string' },
      against: { type: 'string' },
      rate: { type: 'string' },
      minutes: { type: 'string' },
      short: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  });
  const [name = '', ...others] = positionals;
  const bench = BENCHES[name];
  if (bench === undefined || others.length > 0) throw new TypeError('name one benchmark');
  const { short, profile } = values;
  return {
    name,
    bench,
    short,
    profile,
    rounds: wholeNumber('--rounds', values.rounds) ?? (short ? SHORT_ROUNDS : ROUNDS),
    events: wholeNumber('--events', values.events),
    loads: values.loads?.split(',') ?? null,
    against: values.against?.split(',') ?? null,
    rate: wholeNumber('--rate', values.rate),
    minutes: wholeNumber('--minutes', values.minutes),
  };
}

function wholeNumber(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new TypeError(`${option} is a whole number above 0`);
  return Number(text);
}

async function run({ name, bench, profile, ...asked }: Request): Promise<number> {
  const cores = findCores();
  const facts = {
    name,
    commit: describeCommit(),
    date: new Date().toISOString(),
    versions: describeVersions(),
    machine: describeMachine(cores.pinned),
  };
  const memoryBefore = memoryCopyGigabytes();
  const cleanups: Parameters<BenchOptions['defer']>[0][] = [];
  const clean = async () => {
    for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void clean().finally(() => process.exit(EXIT.failed)));
  }
  const say = (line: string) => process.stderr.write(`bench: ${line}\n`);
  try {
    const defer: BenchOptions['defer'] = (cleanup) => cleanups.push(cleanup);
    const nodeFlags = profile ? PROFILE_FLAGS : [];
    const { results, withheld, absent = [] } = await bench({ ...asked, nodeFlags, cores, say, defer });
    // What is no figure must not stand where figures are looked for.
    const suffix = profile ? '-profiled' : asked.short ? '-short' : '';
    await clean();
    const memory = { memory_copy_gb_s_before: memoryBefore, memory_copy_gb_s_after: memoryCopyGigabytes() };
    const machine = { ...facts.machine, ...memory };
    const path = writeResult(BENCH_FOLDER, name + suffix, { ...facts, machine, results });
    process.stdout.write(`\n${resultTable(results)}\n\n`);
    for (const line of withheld) process.stdout.write(`no figure: ${line}\n`);
    for (const line of absent) process.stdout.write(`not in this run: ${line}\n`);
    const [before, after] = Object.values(memory).map((speed) => speed.toFixed(1));
    process.stdout.write(`this machine copied ${before} GB/s in memory before, ${after} after\n`);
    process.stdout.write(`${path}\n`);
    return withheld.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await clean();
  }
}

let request: Request | null = null;
try {
  request = readRequest(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  process.exitCode = EXIT.wrongUse;
}
if (request !== null) {
  try {
    process.exitCode = await run(request);
  } catch (error) {
    process.stderr.write(
      `no figures: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = EXIT.failed;
  }
}
