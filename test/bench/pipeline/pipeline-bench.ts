import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Result } from '../result-file.ts';
import { interleaveAll, type Sandwich } from '../rounds.ts';
import { drainTopic } from '../stack/drain.ts';
import { checkStored } from '../stack/stored-sums.ts';
import { type Baseline, type BaselineName, prepareBaselines, requireBaselineNames } from './baselines.ts';
import { measureDisk } from './disk-bytes.ts';
import { type InsertProfile, readInsertProfile } from './insert-select.ts';
import { samplePartCounts } from './part-counts.ts';
import { KAFKA_PARTITIONS, type PipelineContext, preparePipeline, TOPIC_PREFIX } from './pipeline-context.ts';
import { toOutcome, type WatchedDrain } from './pipeline-outcome.ts';
import { readRawLayout } from './raw-layout.ts';
import { writeRowFile } from './recorded-blocks.ts';
import { measureFetch, measureStages } from './stages.ts';

const STAGE_EVENTS_MAX = 200_000;
const FILES = { RowBinary: 'bench-rows.bin', Native: 'bench-rows.native' };

/** Kafka to ClickHouse: a filled topic drained cold, against other ways of filling the same tables. */
export const pipelineBench: Bench = async (bench) => {
  requireBaselineNames(bench.against);
  const context = await preparePipeline(bench);
  const { stack, clickhouse, produced } = context;
  // The first drain warms the servers and shows how large the aggregator's inserts are.
  await drainOnce(context, 'bench_warm');
  const profile = await readInsertProfile(clickhouse, 'bench_warm');
  const layout = await readRawLayout(clickhouse, 'bench_warm');
  bench.say(`the aggregator inserts ${profile.blockRows} rows at a time`);
  await clickhouse.run('DROP DATABASE bench_warm SYNC');
  const path = join(stack.clickhouseFolder, FILES.RowBinary);
  await writeRowFile(path, { ...context, blockRows: profile.blockRows });
  const rowBytes = statSync(path).size / produced.events;
  bench.say(`${Math.round(rowBytes)} B a row in RowBinary`);
  const { baselines, facts } = await prepareBaselines({ ...context, profile, layout, files: FILES });

  const drains: WatchedDrain[] = [];
  const rounds = await runRounds(context, { baselines, drains });
  const disk = await measureDisk(clickhouse, 'bench_kept', produced.events);
  for (const file of Object.values(FILES)) await rm(join(stack.clickhouseFolder, file), { force: true });
  const more: Result[] = [
    { metric: 'fill_events_per_s', value: context.fillRate, unit: 'events/s' },
    { metric: 'row_binary_bytes', value: rowBytes, unit: 'B/event' },
    ...facts,
    ...(await measureAlone(context, profile)),
    ...disk,
  ];
  return toOutcome({ rounds, baselines, drains, events: produced.events, profile, more });
};

/** What the aggregator's parts take by themselves. */
async function measureAlone(context: PipelineContext, { blockRows }: InsertProfile): Promise<Result[]> {
  const { bench, kafka, traffic, produced } = context;
  const fetch = await measureFetch(kafka, { topicPrefix: TOPIC_PREFIX, events: produced.events });
  const stages = measureStages({
    ...context,
    traffic: { ...traffic, events: Math.min(produced.events, STAGE_EVENTS_MAX) },
    blockRows,
    rounds: bench.rounds,
  });
  return [fetch, ...stages];
}

/** Drains the topic into a database of its own and checks what is there. */
async function drainOnce(context: PipelineContext, database: string): Promise<WatchedDrain> {
  const { bench, stack, configPath, clickhouse, produced, progress } = context;
  const watch = samplePartCounts(clickhouse, database);
  const drain = await drainTopic(
    { bench, stack, configPath, database, topicPrefix: TOPIC_PREFIX, kafkaPartitions: KAFKA_PARTITIONS },
    progress,
  );
  const samples = await watch.stop();
  await checkStored(clickhouse, database, produced);
  await progress.reset();
  bench.say(`${database}: ${Math.round(produced.events / drain.seconds)} rows/s, sums are right`);
  return { ...drain, samples };
}

interface RoundParts {
  readonly baselines: ReadonlyMap<BaselineName, Baseline>;
  /** Those of ours that count are added to it. */
  readonly drains: WatchedDrain[];
}

/** Rows a second of all sides. Every run has a database of its own; the last one of ours is kept for its size. */
function runRounds(
  context: PipelineContext,
  { baselines, drains }: RoundParts,
): Promise<ReadonlyMap<string, readonly Sandwich<number>[]>> {
  const { bench, clickhouse, produced } = context;
  const runBaseline = (name: BaselineName, { run }: Baseline) => {
    return async (round: number, place: 'before' | 'after') => {
      const database = `bench_${name}_${round}_${place}`;
      const seconds = await run(database);
      await checkStored(clickhouse, database, produced);
      await clickhouse.run(`DROP DATABASE ${database} SYNC`);
      bench.say(`${database}: ${Math.round(produced.events / seconds)} rows/s, sums are right`);
      return produced.events / seconds;
    };
  };
  return interleaveAll(bench.rounds, {
    baselines: new Map([...baselines].map(([name, baseline]) => [name, runBaseline(name, baseline)])),
    ours: async (round) => {
      const isLast = round === bench.rounds - 1;
      const database = isLast ? 'bench_kept' : `bench_ours_${round}`;
      const drain = await drainOnce(context, database);
      drains.push(drain);
      if (!isLast) await clickhouse.run(`DROP DATABASE ${database} SYNC`);
      return produced.events / drain.seconds;
    },
  });
}
