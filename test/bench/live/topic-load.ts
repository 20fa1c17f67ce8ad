import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchProducer, createBatchProducer, createKafka, topicNames } from '@meterstone/kafka';
import { TOKEN_BUCKETS } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { seededRandom } from '../../support/replay-provider.ts';
import { createStamper, type EventStamper } from '../traffic/event-stamper.ts';
import { createTraffic } from '../traffic/usage-traffic.ts';
import { answerParent } from '../worker-commands.ts';

/** `stop` lets Kafka acknowledge what was sent. */
export type TopicLoadQuestion =
  | {
      readonly ask: 'open';
      readonly brokers: string;
      readonly topicPrefix: string;
      readonly kafkaPartitions: number;
    }
  | { readonly ask: 'start'; readonly rate: number }
  | { readonly ask: 'stop' };

/** What a load was, from its start to its stop. */
export interface TopicLoadRun {
  readonly events: number;
  readonly seconds: number;
  /** The most that it was behind its rate, milliseconds: the generator's, or Kafka's, own fault. */
  readonly behindMsMax: number;
  /** Share of a core that it used. */
  readonly busy: number;
  /** Of all loads so far, as JSON takes them. */
  readonly total: {
    readonly events: number;
    readonly eventsByOrg: readonly (readonly [string, number])[];
    readonly tokens: readonly string[];
  };
}

const TEMPLATES = 10_000;
const TEMPLATE_SPAN_MS = 60_000;
const TICK_MS = 10;

interface Load {
  readonly producer: BatchProducer;
  readonly stamper: EventStamper;
  /** Events so far, by template. */
  readonly counts: Float64Array;
}

interface Running {
  readonly stopping: AbortController;
  readonly done: Promise<Omit<TopicLoadRun, 'total'>>;
}

let load: Load | null = null;
let running: Running | null = null;

await answerParent<TopicLoadQuestion>(async (question) => {
  if (question.ask === 'open') {
    load = open(question);
    return {};
  }
  if (load === null) throw new Error('the load is not open');
  if (question.ask === 'start') {
    const stopping = new AbortController();
    running = { stopping, done: run(load, { rate: question.rate, signal: stopping.signal }) };
    return {};
  }
  if (running === null) throw new Error('no load runs');
  running.stopping.abort();
  const done = await running.done;
  running = null;
  return { ...done, total: totalOf(load) } satisfies TopicLoadRun;
});

function open({ brokers, topicPrefix, kafkaPartitions }: TopicLoadQuestion & { ask: 'open' }): Load {
  const logger = createLogger({ service: 'bench', level: 'fatal' });
  const kafka = createKafka({ brokers: brokers.split(','), clientId: 'bench-load', logger });
  const end = Date.now();
  const traffic = createTraffic({ events: TEMPLATES, start: end - TEMPLATE_SPAN_MS, end, seed: 5 });
  return {
    producer: createBatchProducer({ kafka, topic: topicNames(topicPrefix).usageEvents, kafkaPartitions }),
    stamper: createStamper(traffic, seededRandom(end)),
    counts: new Float64Array(TEMPLATES),
  };
}

/** Sends what is due, in time order, until it is told to stop. */
async function run(
  { producer, stamper, counts }: Load,
  { rate, signal }: { rate: number; signal: AbortSignal },
): Promise<Omit<TopicLoadRun, 'total'>> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let events = 0;
  let behindMsMax = 0;
  while (!signal.aborted) {
    const elapsedMs = performance.now() - start;
    const due = Math.floor((elapsedMs * rate) / 1000);
    const now = Date.now();
    while (events < due) {
      const template = events % stamper.templates;
      // What Kafka does not take now is sent later, and that shows as being behind.
      if (!producer.enqueue(stamper.stamp(template, now))) break;
      counts[template] = (counts[template] ?? 0) + 1;
      events += 1;
    }
    behindMsMax = Math.max(behindMsMax, performance.now() - start - (events * 1000) / rate - TICK_MS);
    await sleep(TICK_MS);
  }
  const seconds = (performance.now() - start) / 1000;
  await producer.flush();
  const { user, system } = process.cpuUsage(cpu);
  return { events, seconds, behindMsMax, busy: (user + system) / 1_000_000 / seconds };
}

function totalOf({ stamper, counts }: Load): TopicLoadRun['total'] {
  let events = 0;
  const byOrg = new Map<string, number>();
  const tokens = TOKEN_BUCKETS.map(() => 0n);
  for (const [template, count] of counts.entries()) {
    const event = stamper.eventOf(template);
    events += count;
    if (count > 0) byOrg.set(event.orgId, (byOrg.get(event.orgId) ?? 0) + count);
    for (const [index, bucket] of TOKEN_BUCKETS.entries()) {
      tokens[index] = (tokens[index] ?? 0n) + BigInt(event[bucket]) * BigInt(count);
    }
  }
  return { events, eventsByOrg: [...byOrg], tokens: tokens.map(String) };
}
