import { fileURLToPath } from 'node:url';
import type { Result } from '../result-file.ts';
import { drainTopic } from '../stack/drain.ts';
import { checkStored } from '../stack/stored-sums.ts';
import { findBestInsert } from './best-insert.ts';
import {
  aggregatorsWay,
  type InsertProfile,
  type InsertSelectOptions,
  insertSelect,
  nameOfWay,
  writeNativeFile,
} from './insert-select.ts';
import { drainByEngine } from './kafka-engine.ts';
import { KAFKA_PARTITIONS, type PipelineContext, TOPIC_PREFIX } from './pipeline-context.ts';
import type { RawLayout } from './raw-layout.ts';
import { BATCH_ROWS, fillTwin, type TwinTopic } from './twin-topic.ts';

/** What the pipeline is held against. */
const BASELINE_NAMES = ['insert_select', 'insert_select_best', 'kafka_engine', 'stored_once'] as const;
export type BaselineName = (typeof BASELINE_NAMES)[number];

/** Throws a TypeError where a name is none of these; `null` = all. */
export function requireBaselineNames(names: readonly string[] | null): void {
  const known: readonly string[] = BASELINE_NAMES;
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`${unknown} is none of ${known.join(', ')}`);
}

/** Another way of filling the same tables with the same events. */
export interface Baseline {
  /** Name of the ratio that it makes. */
  readonly metric: string;
  /** What it is, behind "ours ÷". */
  readonly title: string;
  /** Fills a new database and gives the seconds that it took. */
  readonly run: (database: string) => Promise<number>;
}

export interface BaselineParts extends PipelineContext {
  readonly profile: InsertProfile;
  readonly layout: RawLayout;
  /** Names of the row files in the server's folder. */
  readonly files: InsertSelectOptions['files'];
}

/** Prepares those that were asked for; `facts` are what was found out on the way. */
export async function prepareBaselines(
  parts: BaselineParts,
): Promise<{ baselines: ReadonlyMap<BaselineName, Baseline>; facts: readonly Result[] }> {
  const baselines = new Map<BaselineName, Baseline>();
  const facts: Result[] = [];
  const { against } = parts.bench;
  for (const name of BASELINE_NAMES) {
    if (against === null || against.includes(name)) {
      baselines.set(name, await PREPARE[name](parts, facts));
    }
  }
  return { baselines, facts };
}

const PREPARE: Readonly<Record<BaselineName, (parts: BaselineParts, facts: Result[]) => Promise<Baseline>>> =
  {
    async insert_select(parts) {
      const way = aggregatorsWay(parts.profile);
      return {
        metric: 'ratio_insert_select',
        title: 'INSERT … SELECT as the aggregator inserts',
        run: (database) => insertSelect({ ...parts, database, way }),
      };
    },

    async insert_select_best(parts) {
      await writeNativeFile(parts.clickhouse, parts);
      const { say } = parts.bench;
      const way = await findBestInsert({ ...parts, say, events: parts.produced.events });
      return {
        metric: 'ratio_insert_select_best',
        title: `INSERT … SELECT, ${nameOfWay(way)} (format, threads, rows a block)`,
        run: (database) => insertSelect({ ...parts, database, way }),
      };
    },

    async kafka_engine(parts, facts) {
      const twins = FRAMINGS.map(({ rowsPerMessage }) => ({
        prefix: `twin-${rowsPerMessage}`,
        rowsPerMessage,
      }));
      const seen: { readonly twin: TwinTopic; readonly seconds: number }[] = [];
      for (const twin of twins) {
        const startedAt = performance.now();
        const file = parts.files.RowBinary;
        await fillTwin({ ...parts, ...twin, file, kafkaPartitions: KAFKA_PARTITIONS });
        parts.bench.say(`twin filled in ${Math.round((performance.now() - startedAt) / 1000)} s`);
        const seconds = await tryTwin(parts, twin);
        seen.push({ twin, seconds });
        const metric = `kafka_engine_${twin.rowsPerMessage}_a_message_rows_per_s`;
        facts.push({ metric, value: parts.produced.events / seconds, unit: 'rows/s, once' });
      }
      const [best] = seen.toSorted((a, b) => a.seconds - b.seconds);
      if (best === undefined) throw new Error('there is no framing');
      return {
        metric: 'ratio_kafka_engine',
        title: `Kafka engine, RowBinary, ${best.twin.rowsPerMessage} rows a message`,
        run: (database) => drainByEngine({ ...parts, ...best.twin, database, events: parts.produced.events }),
      };
    },

    async stored_once(parts) {
      const { bench, stack, configPath, progress } = parts;
      const entry = fileURLToPath(new URL('./bare-aggregator.ts', import.meta.url));
      const service = { stack, configPath, topicPrefix: TOPIC_PREFIX, kafkaPartitions: KAFKA_PARTITIONS };
      return {
        metric: 'stored_once_ratio',
        title: 'the aggregator without what stores once',
        async run(database) {
          const plain = { ...bench, nodeFlags: [] };
          const { seconds } = await drainTopic({ ...service, bench: plain, database, entry }, progress);
          await progress.reset();
          return seconds;
        },
      };
    },
  };

/** As ours has it, and as many as one batch of the producer holds: the faster one is the baseline. */
const FRAMINGS = [{ rowsPerMessage: 1 }, { rowsPerMessage: BATCH_ROWS }];

async function tryTwin(parts: BaselineParts, twin: TwinTopic): Promise<number> {
  const { clickhouse, produced, bench } = parts;
  const database = `bench_engine_${twin.rowsPerMessage}`;
  const seconds = await drainByEngine({ ...parts, ...twin, database, events: produced.events });
  await checkStored(clickhouse, database, produced);
  await clickhouse.run(`DROP DATABASE ${database} SYNC`);
  bench.say(`${database}: ${Math.round(produced.events / seconds)} rows/s, sums are right`);
  return seconds;
}
