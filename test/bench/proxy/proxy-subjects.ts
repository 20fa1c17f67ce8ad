import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTopics } from '@meterstone/kafka';
import { type BenchOptions, WrongSums } from '../bench.ts';
import { meterCpu } from '../process-cpu.ts';
import { type BenchStack, connectKafka, startBenchStack } from '../stack/bench-stack.ts';
import { type ServiceProcess, startService } from '../stack/service-process.ts';
import { trafficConfig } from '../traffic/orgs.ts';
import { startWorker, type Worker } from '../worker.ts';
import type { BareListening, BareQuestion } from './bare-proxy.ts';
import type { LoadAnswer, LoadQuestion } from './load-generator.ts';
import type { MockListening, MockQuestion, MockStats } from './mock-upstream.ts';
import type { ScenarioName } from './scenarios.ts';
import type { UnjournaledListening, UnjournaledQuestion } from './unjournaled-proxy.ts';

/** What a load is put on. `direct`: the mock provider itself, no proxy. `unjournaled`: ours without a journal. */
type Subject = 'direct' | 'bare' | 'ours' | 'unjournaled';

/** One load on one subject. */
export interface SubjectRun extends LoadAnswer {
  /** CPU of the subject per answer, microseconds; 0 for `direct`. */
  readonly cpuUs: number;
  /** Share of its core that the subject used. */
  readonly subjectBusy: number;
}

/** All that takes part, each process in its place: the subjects on one core, everything else on the other. */
export interface ProxySubjects {
  readonly stack: BenchStack;
  readonly configPath: string;
  readonly proxy: ServiceProcess;
  /** Answers of ours so far, with and without journal, by scenario and variant. */
  readonly answered: ReadonlyMap<ScenarioName, number[]>;
  /** Rejects with WrongSums when a byte of an answer was wrong, or a request did not reach the provider whole. */
  run(subject: Subject, load: Omit<LoadQuestion, 'port'>): Promise<SubjectRun>;
}

export const TOPIC_PREFIX = 'bench';
export const DATABASE = 'bench';
export const KAFKA_PARTITIONS = 4;
/** The proxy sends its last batch after its linger; that belongs to the round. */
const SETTLE_MS = 200;

export async function startSubjects(bench: BenchOptions): Promise<ProxySubjects> {
  const stack = await startBenchStack(bench);
  for (const pid of Object.values(stack.stack.pids())) bench.cores.move('rest', pid);
  const mock = startWorker(bench, { file: new URL('./mock-upstream.ts', import.meta.url), core: 'rest' });
  const generator = startWorker(bench, {
    file: new URL('./load-generator.ts', import.meta.url),
    core: 'rest',
  });
  const bare = startWorker(bench, { file: new URL('./bare-proxy.ts', import.meta.url), core: 'subject' });
  const upstreamPort = (await mock.ask<MockListening>({ ask: 'listen' } satisfies MockQuestion)).port;
  const barePort = (await bare.ask<BareListening>({ upstreamPort } satisfies BareQuestion)).port;
  const configPath = join(stack.folder, 'meterstone.yaml');
  // JSON is YAML.
  writeFileSync(configPath, JSON.stringify(trafficConfig(`http://127.0.0.1:${upstreamPort}`)));
  await ensureTopics(connectKafka(stack), {
    prefix: TOPIC_PREFIX,
    kafkaPartitions: KAFKA_PARTITIONS,
    replicationFactor: 1,
  });
  const proxy = await startService({
    name: 'proxy',
    bench,
    stack,
    configPath,
    topicPrefix: TOPIC_PREFIX,
    database: DATABASE,
    kafkaPartitions: KAFKA_PARTITIONS,
    core: 'subject',
  });
  const unjournaled = startWorker(bench, {
    file: new URL('./unjournaled-proxy.ts', import.meta.url),
    core: 'subject',
  });
  const unjournaledPort = (
    await unjournaled.ask<UnjournaledListening>({
      folder: join(stack.folder, 'unjournaled'),
      configPath,
      kafkaBrokers: [stack.stack.kafkaBrokers].flat(),
      topicPrefix: TOPIC_PREFIX,
      kafkaPartitions: KAFKA_PARTITIONS,
    } satisfies UnjournaledQuestion)
  ).port;
  const answered = new Map<ScenarioName, number[]>();
  const places = {
    direct: { port: upstreamPort, pid: null },
    bare: { port: barePort, pid: bare.pid },
    unjournaled: { port: unjournaledPort, pid: unjournaled.pid },
    ours: { port: Number(new URL(proxy.url).port), pid: proxy.pid },
  };
  return {
    stack,
    configPath,
    proxy,
    answered,
    async run(subject, load) {
      const run = await measure(places[subject], { load, generator, mock });
      if (subject === 'ours' || subject === 'unjournaled')
        count(answered, load.scenario, run.answersByVariant);
      return run;
    },
  };
}

interface Around {
  readonly load: Omit<LoadQuestion, 'port'>;
  readonly generator: Worker;
  readonly mock: Worker;
}

async function measure(
  { port, pid }: { port: number; pid: number | null },
  { load, generator, mock }: Around,
): Promise<SubjectRun> {
  await mock.ask<MockStats>({ ask: 'stats' } satisfies MockQuestion);
  const cpu = pid === null ? null : meterCpu(pid);
  const answer = await generator.ask<LoadAnswer>({ ...load, port } satisfies LoadQuestion);
  await sleep(SETTLE_MS);
  const cpuUs = cpu?.microseconds() ?? 0;
  const stats = await mock.ask<MockStats>({ ask: 'stats' } satisfies MockQuestion);
  if (answer.faults.length > 0) throw new WrongSums(`${load.scenario}: ${answer.faults.join('; ')}`);
  if (stats.requests !== answer.answers || stats.wrongBodies > 0) {
    const seen = `${stats.requests} requests at the provider, ${stats.wrongBodies} of them with another body`;
    throw new WrongSums(`${load.scenario}: ${answer.answers} answers, ${seen}`);
  }
  return { ...answer, cpuUs: cpuUs / answer.answers, subjectBusy: cpuUs / 1_000_000 / answer.seconds };
}

function count(answered: Map<ScenarioName, number[]>, name: ScenarioName, more: readonly number[]): void {
  const before = answered.get(name) ?? [];
  answered.set(
    name,
    more.map((answers, variant) => answers + (before[variant] ?? 0)),
  );
}
