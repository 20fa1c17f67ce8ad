import { statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openControl } from '@meterstone/control';
import type { KafkaClient } from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { Bench, BenchOptions, BenchOutcome } from '../bench.ts';
import { measured, type Result, ratioOf } from '../result-file.ts';
import { compare, faultOf, interleave, type Sandwich, summarize } from '../rounds.ts';
import { type BenchStack, connectKafka, startBenchStack } from '../stack/bench-stack.ts';
import { type ClickHouse, connectClickHouse } from '../stack/clickhouse.ts';
import { type Drain, drainTopic } from '../stack/drain.ts';
import { type GroupProgress, openGroupProgress } from '../stack/group-progress.ts';
import { checkStored, type ProducedSums } from '../stack/stored-sums.ts';
import { fillTopic } from '../traffic/fill-topic.ts';
import { trafficConfig } from '../traffic/orgs.ts';
import type { TrafficOptions } from '../traffic/usage-traffic.ts';
import { measureDisk } from './disk-bytes.ts';
import { type InsertProfile, insertSelect, readInsertProfile } from './insert-select.ts';
import { writeRowFile } from './recorded-blocks.ts';
import { measureFetch, measureStages } from './stages.ts';

const EVENTS = 300_000;
const SHORT_EVENTS = 40_000;
const STAGE_EVENTS_MAX = 200_000;
const KAFKA_PARTITIONS = 8;
const TOPIC_PREFIX = 'bench';
/** A billion in 90 days: how many fall into one quarter of an hour decides what the rollups cost. */
const EVENTS_PER_SECOND = 128.6;
const ROW_FILE = 'bench-rows.bin';

/** Kafka to ClickHouse: a filled topic drained cold, against the same rows from a file into the same tables. */
export const pipelineBench: Bench = async (options) => {
  const context = await prepare(options);
  const { stack, clickhouse, produced } = context;
  // The first drain warms the servers and shows how large the aggregator's inserts are.
  await drainOnce(context, 'bench_warm');
  const profile = await readInsertProfile(clickhouse, 'bench_warm');
  options.say(`the aggregator inserts ${profile.blockRows} rows at a time`);
  await clickhouse.run('DROP DATABASE bench_warm SYNC');
  const path = join(stack.clickhouseFolder, ROW_FILE);
  await writeRowFile(path, { ...context, blockRows: profile.blockRows });
  options.say(`${Math.round(statSync(path).size / produced.events)} B a row in RowBinary`);

  const rounds = await runRounds(context, profile);
  const disk = await measureDisk(clickhouse, 'bench_kept', produced.events);
  await rm(path);
  const fetch = await measureFetch(context.kafka, { topicPrefix: TOPIC_PREFIX, events: produced.events });
  const stages = measureStages({
    ...context,
    traffic: { ...context.traffic, events: Math.min(produced.events, STAGE_EVENTS_MAX) },
    blockRows: profile.blockRows,
    rounds: options.rounds,
  });
  return toOutcome({ rounds, drains: context.drains, produced, more: [fetch, ...stages, ...disk], profile });
};

interface PipelineContext {
  readonly bench: BenchOptions;
  readonly stack: BenchStack;
  readonly kafka: KafkaClient;
  readonly clickhouse: ClickHouse;
  readonly configPath: string;
  readonly terms: RatingTerms;
  readonly traffic: TrafficOptions;
  readonly produced: ProducedSums;
  readonly progress: GroupProgress;
  /** Those that count. */
  readonly drains: Drain[];
}

async function prepare(bench: BenchOptions): Promise<PipelineContext> {
  const stack = await startBenchStack(bench);
  const kafka = connectKafka(stack);
  const configPath = join(stack.folder, 'meterstone.yaml');
  // JSON is YAML.
  writeFileSync(configPath, JSON.stringify(trafficConfig('http://127.0.0.1:1')));
  const control = await openControl({
    configPaths: [configPath],
    bundlesFolder: join(stack.folder, 'bundles-of-bench'),
    readSecret: async () => 'unused',
    logger: kafka.logger,
    watch: false,
  });
  const end = Date.now();
  const events = bench.events ?? (bench.short ? SHORT_EVENTS : EVENTS);
  const traffic = { events, start: Math.floor(end - (events / EVENTS_PER_SECOND) * 1000), end, seed: 7 };
  bench.say(`filling the topic with ${events} events`);
  const produced = await fillTopic({
    ...traffic,
    kafka,
    topicPrefix: TOPIC_PREFIX,
    kafkaPartitions: KAFKA_PARTITIONS,
  });
  return {
    bench,
    stack,
    kafka,
    configPath,
    traffic,
    produced,
    clickhouse: connectClickHouse(stack.stack.clickhouseUrl),
    terms: control.snapshot().terms,
    progress: await openGroupProgress(kafka, TOPIC_PREFIX, bench.defer),
    drains: [],
  };
}

/** Drains the topic into a database of its own and checks what is there. */
async function drainOnce(context: PipelineContext, database: string): Promise<Drain> {
  const { bench, stack, configPath, clickhouse, produced, progress } = context;
  const drain = await drainTopic(
    { bench, stack, configPath, database, topicPrefix: TOPIC_PREFIX, kafkaPartitions: KAFKA_PARTITIONS },
    progress,
  );
  await checkStored(clickhouse, database, produced);
  await progress.reset();
  bench.say(`${database}: ${Math.round(produced.events / drain.seconds)} rows/s, sums are right`);
  return drain;
}

/** Rows a second of both sides. Every run has a database of its own; the last one of ours is kept for its size. */
async function runRounds(context: PipelineContext, profile: InsertProfile): Promise<Sandwich<number>[]> {
  const { bench, clickhouse, stack, produced, drains } = context;
  return interleave(bench.rounds, {
    ours: async (round) => {
      const isLast = round === bench.rounds - 1;
      const database = isLast ? 'bench_kept' : `bench_ours_${round}`;
      const drain = await drainOnce(context, database);
      drains.push(drain);
      if (!isLast) await clickhouse.run(`DROP DATABASE ${database} SYNC`);
      return produced.events / drain.seconds;
    },
    baseline: async (round, place) => {
      const database = `bench_file_${round}_${place}`;
      const seconds = await insertSelect({ clickhouse, stack, database, file: ROW_FILE, profile });
      await checkStored(clickhouse, database, produced);
      await clickhouse.run(`DROP DATABASE ${database} SYNC`);
      bench.say(`${database}: ${Math.round(produced.events / seconds)} rows/s`);
      return produced.events / seconds;
    },
  });
}

interface Findings {
  readonly rounds: readonly Sandwich<number>[];
  readonly drains: readonly Drain[];
  readonly produced: ProducedSums;
  readonly profile: InsertProfile;
  readonly more: readonly Result[];
}

function toOutcome({ rounds, drains, produced, profile, more }: Findings): BenchOutcome {
  const comparison = compare(rounds, (rowsPerSecond) => rowsPerSecond, 'rate');
  const fault = faultOf(comparison);
  const cpu = (metric: string, of: (drain: Drain) => number) =>
    measured(metric, 'µs/event', summarize(drains.map((drain) => of(drain) / produced.events)));
  return {
    results: [
      { metric: 'events', value: produced.events, unit: 'events' },
      { metric: 'rows_per_insert', value: profile.blockRows, unit: 'rows' },
      measured('rows_per_s', 'rows/s', comparison.ours),
      ...(fault === null ? [ratioOf('ratio_insert_select', 'ours ÷ baseline, rows/s', comparison)] : []),
      measured('insert_select_noise', 'baseline ÷ itself', comparison.noise),
      cpu('pipeline_cpu_us_per_event', (drain) => drain.cpu.aggregator + drain.cpu.kafka),
      cpu('aggregator_cpu_us_per_event', (drain) => drain.cpu.aggregator),
      cpu('kafka_cpu_us_per_event', (drain) => drain.cpu.kafka),
      cpu('clickhouse_cpu_us_per_event', (drain) => drain.cpu.clickhouse),
      ...more,
    ],
    withheld: fault === null ? [] : [`ratio_insert_select: ${fault}`],
  };
}
