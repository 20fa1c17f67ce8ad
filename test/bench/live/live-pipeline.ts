import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTopics, type KafkaClient } from '@meterstone/kafka';
import { TOKEN_BUCKETS } from '@meterstone/metering';
import type { BenchOptions } from '../bench.ts';
import type { MockListening, MockQuestion } from '../proxy/mock-upstream.ts';
import { createScenario } from '../proxy/scenarios.ts';
import { type BenchStack, connectKafka, startBenchStack } from '../stack/bench-stack.ts';
import { type ClickHouse, connectClickHouse } from '../stack/clickhouse.ts';
import { drainTopic, untilCommitted } from '../stack/drain.ts';
import {
  aggregatorsOf,
  type GroupProgress,
  openGroupProgress,
  openProgressOf,
} from '../stack/group-progress.ts';
import { type ServiceProcess, startService } from '../stack/service-process.ts';
import { checkStored, type ProducedSums } from '../stack/stored-sums.ts';
import { fillTopic } from '../traffic/fill-topic.ts';
import { startWorker } from '../worker.ts';
import { CANARY_SCENARIO, type Canaries, startCanaries } from './canaries.ts';
import { type CanaryBook, createCanaryBook } from './canary-book.ts';
import { CANARY_ORG, liveConfig } from './canary-org.ts';
import type { TopicLoadQuestion, TopicLoadRun } from './topic-load.ts';

/** Everything as it runs for a customer, with a load straight to Kafka beside the requests. */
export interface LivePipeline {
  readonly stack: BenchStack;
  readonly clickhouse: ClickHouse;
  readonly services: Readonly<Record<'proxy' | 'aggregator' | 'reporting', ServiceProcess>>;
  readonly progress: GroupProgress;
  readonly book: CanaryBook;
  readonly canaries: Canaries;
  /** Events a second that the pipeline carries by itself, as given or as measured. */
  readonly rate: number;
  startLoad(eventsPerSecond: number): Promise<void>;
  stopLoad(): Promise<TopicLoadRun>;
  /** Resolves when nothing waits on Kafka any more; rejects, with what the aggregator says, if it stands still. */
  untilStored(): Promise<void>;
  /** Ends canaries and services, once everything is stored, and compares it with what was sent. */
  finish(): Promise<ProducedSums>;
}

export interface LiveOptions {
  /** Requests a second through the proxy. */
  readonly canaryRate: number;
  readonly reportEveryMs: number;
  /** Events with which the pipeline's rate is measured, if it is not given. */
  readonly rateEvents: number;
}

export const DATABASE = 'bench';
const SERVICE = { topicPrefix: 'bench', kafkaPartitions: 2 };
const RATE_PREFIX = 'bench-rate';

/** Starts everything; nothing is sent yet. */
export async function startLivePipeline(bench: BenchOptions, options: LiveOptions): Promise<LivePipeline> {
  const stack = await startBenchStack(bench);
  const kafka = connectKafka(stack);
  const clickhouse = connectClickHouse(stack.stack.clickhouseUrl);
  const mock = startWorker(bench, {
    file: new URL('../proxy/mock-upstream.ts', import.meta.url),
    core: null,
  });
  const { port } = await mock.ask<MockListening>({ ask: 'listen' } satisfies MockQuestion);
  const configPath = join(stack.folder, 'meterstone.yaml');
  // JSON is YAML.
  writeFileSync(configPath, JSON.stringify(liveConfig(`http://127.0.0.1:${port}`)));
  const parts = { bench, stack, kafka, clickhouse, configPath };
  const rate = bench.rate ?? (await measureRate(parts, options.rateEvents));
  bench.say(`the pipeline carries ${Math.round(rate)} events/s${bench.rate === null ? '' : ', as given'}`);

  await ensureTopics(kafka, { ...SERVICE, prefix: SERVICE.topicPrefix, replicationFactor: 1 });
  const start = (name: 'proxy' | 'aggregator' | 'reporting') =>
    startService({ ...SERVICE, database: DATABASE, name, bench, stack, configPath, core: null });
  const aggregator = await start('aggregator');
  const services = { aggregator, reporting: await start('reporting'), proxy: await start('proxy') };
  const load = startWorker(bench, { file: new URL('./topic-load.ts', import.meta.url), core: null });
  const ask = <Answer>(question: TopicLoadQuestion) => load.ask<Answer>(question);
  await ask({ ask: 'open', brokers: stack.stack.kafkaBrokers, ...SERVICE });
  const group = { ...aggregatorsOf(SERVICE.topicPrefix), isGrowing: true };
  const progress = await openProgressOf(kafka, group, bench.defer);
  const book = createCanaryBook();
  const canaries = startCanaries({
    proxyUrl: services.proxy.url,
    reportingUrl: services.reporting.url,
    book,
    rate: options.canaryRate,
    reportEveryMs: options.reportEveryMs,
  });
  bench.defer(() => canaries.stop());
  let total: TopicLoadRun['total'] | null = null;
  const untilStored = () =>
    untilCommitted(progress).catch(async (error: unknown) => {
      throw new Error(`the aggregator stands still: ${await describeTrouble(aggregator)}`, { cause: error });
    });
  return {
    untilStored,
    stack,
    clickhouse,
    services,
    progress,
    book,
    canaries,
    rate,
    async startLoad(eventsPerSecond) {
      await ask({ ask: 'start', rate: eventsPerSecond });
    },
    async stopLoad() {
      const run = await ask<TopicLoadRun>({ ask: 'stop' });
      total = run.total;
      return run;
    },
    async finish() {
      await canaries.stop();
      await services.proxy.stop();
      await untilStored();
      await services.aggregator.stop();
      await services.reporting.stop();
      const sums = expectedSums(total, canaries.answered);
      await checkStored(clickhouse, DATABASE, sums);
      return sums;
    },
  };
}

/** What it says of itself, and the reasons of what stopped, cut to what a person reads. */
async function describeTrouble({ url, log }: ServiceProcess): Promise<string> {
  const answer = await fetch(`${url}/readyz`).catch(() => null);
  const stops = log()
    .split('\n')
    .filter((line) => line.includes('"level":"fatal"'))
    .map((line) => String((JSON.parse(line) as { reason?: unknown }).reason).slice(0, REASON_CHARACTERS));
  return [(await answer?.text()) ?? 'no answer', ...stops].join('\n');
}

const REASON_CHARACTERS = 300;

interface RateParts {
  readonly bench: BenchOptions;
  readonly stack: BenchStack;
  readonly kafka: KafkaClient;
  readonly clickhouse: ClickHouse;
  readonly configPath: string;
}

/** Drains a filled topic once, as `pipeline` does. */
async function measureRate(
  { bench, stack, kafka, clickhouse, configPath }: RateParts,
  events: number,
): Promise<number> {
  const service = { ...SERVICE, topicPrefix: RATE_PREFIX, database: 'bench_rate' };
  const end = Date.now();
  const produced = await fillTopic({ ...service, kafka, events, start: end - 3_600_000, end, seed: 7 });
  const progress = await openGroupProgress(kafka, RATE_PREFIX, bench.defer);
  const { seconds } = await drainTopic({ ...service, bench, stack, configPath }, progress);
  await checkStored(clickhouse, service.database, produced);
  await clickhouse.run(`DROP DATABASE ${service.database} SYNC`);
  return events / seconds;
}

function expectedSums(load: TopicLoadRun['total'] | null, answered: readonly number[]): ProducedSums {
  const { variants } = createScenario(CANARY_SCENARIO);
  const canaries = answered.reduce((sum, count) => sum + count, 0);
  const eventsByOrg = new Map(load?.eventsByOrg);
  if (canaries > 0) eventsByOrg.set(CANARY_ORG, canaries);
  return {
    events: (load?.events ?? 0) + canaries,
    eventsByOrg,
    tokens: TOKEN_BUCKETS.map((bucket, index) =>
      answered.reduce(
        (sum, count, number) => sum + BigInt(count) * BigInt(variants[number]?.tokens[bucket] ?? 0),
        BigInt(load?.tokens[index] ?? 0),
      ),
    ),
  };
}
