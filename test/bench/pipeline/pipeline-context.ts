import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openControl } from '@meterstone/control';
import type { KafkaClient } from '@meterstone/kafka';
import type { RatingTerms } from '@meterstone/metering';
import type { BenchOptions } from '../bench.ts';
import { type BenchStack, connectKafka, startBenchStack } from '../stack/bench-stack.ts';
import { type ClickHouse, connectClickHouse } from '../stack/clickhouse.ts';
import { type GroupProgress, openGroupProgress } from '../stack/group-progress.ts';
import type { ProducedSums } from '../stack/stored-sums.ts';
import { fillTopic } from '../traffic/fill-topic.ts';
import { trafficConfig } from '../traffic/orgs.ts';
import type { TrafficOptions } from '../traffic/usage-traffic.ts';
import { ENGINE_BACKGROUND_SETTINGS } from './kafka-engine.ts';

const EVENTS = 300_000;
const SHORT_EVENTS = 40_000;
export const KAFKA_PARTITIONS = 2;
export const TOPIC_PREFIX = 'bench';
/** A billion in 90 days: how many fall into one quarter of an hour decides what the rollups cost. */
const EVENTS_PER_SECOND = 128.6;

/** A filled topic and all that drains it. */
export interface PipelineContext {
  readonly bench: BenchOptions;
  readonly stack: BenchStack;
  readonly kafka: KafkaClient;
  readonly clickhouse: ClickHouse;
  readonly configPath: string;
  readonly terms: RatingTerms;
  readonly traffic: TrafficOptions;
  readonly produced: ProducedSums;
  /** Events a second while the topic was filled, made, encoded and acknowledged. */
  readonly fillRate: number;
  readonly progress: GroupProgress;
}

/** Starts the servers and fills the topic. */
export async function preparePipeline(bench: BenchOptions): Promise<PipelineContext> {
  const stack = await startBenchStack(bench, { backgroundSettings: ENGINE_BACKGROUND_SETTINGS });
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
  const traffic = {
    events,
    start: Math.floor(end - (events / EVENTS_PER_SECOND) * 1000),
    end,
    seed: 7,
    idTimes: [],
  };
  bench.say(`filling the topic with ${events} events`);
  const produced = await fillTopic({
    ...traffic,
    kafka,
    topicPrefix: TOPIC_PREFIX,
    kafkaPartitions: KAFKA_PARTITIONS,
  });
  const fillRate = events / ((Date.now() - end) / 1000);
  bench.say(`filled, ${Math.round(fillRate)} events/s`);
  return {
    bench,
    stack,
    kafka,
    configPath,
    traffic,
    produced,
    fillRate,
    clickhouse: connectClickHouse(stack.stack.clickhouseUrl),
    terms: control.snapshot().terms,
    progress: await openGroupProgress(kafka, TOPIC_PREFIX, bench.defer),
  };
}
