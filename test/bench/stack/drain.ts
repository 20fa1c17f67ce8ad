import { setTimeout as sleep } from 'node:timers/promises';
import { type CpuMeter, meterCpu } from '../process-cpu.ts';
import type { GroupProgress } from './group-progress.ts';
import { type ServiceOptions, type ServiceProcess, startService } from './service-process.ts';

/** CPU of each process while a topic was drained, microseconds. */
interface DrainCpu {
  readonly aggregator: number;
  readonly kafka: number;
  readonly clickhouse: number;
}

/** One cold drain of a filled topic. */
export interface Drain {
  /** From the assignment, at which fetching begins, to the last commit. */
  readonly seconds: number;
  /** When that was, epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly cpu: DrainCpu;
}

/** Each look costs the broker and this process CPU that the pipeline would have: often only when the end is near. */
const POLL_MS_MIN = 25;
const POLL_MS_MAX = 250;
/** A millisecond between two looks for so many records that wait: the last block, of 100,000, is looked for at the least. */
const RECORDS_PER_POLL_MS = 4_000;
const STANDSTILL_MS_MAX = 60_000;

/** Starts an aggregator on the topic, waits for the last commit and stops it. */
export async function drainTopic(
  options: Omit<ServiceOptions, 'name' | 'core'>,
  progress: GroupProgress,
): Promise<Drain> {
  const aggregator = await startService({
    ...options,
    name: 'aggregator',
    core: null,
    // Not by asking it: it is busy from here on, and its CPU counts from here on.
    isReady: (service) => findAssignment(service) !== null,
  });
  const assignedAt = findAssignment(aggregator) ?? Date.now();
  const meters = {
    aggregator: meterCpu(aggregator.pid),
    kafka: meterCpu(options.stack.kafkaPid),
    clickhouse: meterCpu(options.stack.clickhousePid),
  };
  await untilCommitted(progress);
  const endedAt = Date.now();
  const cpu = read(meters);
  await aggregator.stop();
  return { seconds: (endedAt - assignedAt) / 1000, startedAt: assignedAt, endedAt, cpu };
}

function read(meters: Readonly<Record<keyof DrainCpu, CpuMeter>>): DrainCpu {
  return {
    aggregator: meters.aggregator.microseconds(),
    kafka: meters.kafka.microseconds(),
    clickhouse: meters.clickhouse.microseconds(),
  };
}

/** When the group gave it its Kafka partitions, epoch milliseconds, by its own log; `null` = not yet. */
function findAssignment(aggregator: ServiceProcess): number | null {
  const line = aggregator
    .log()
    .split('\n')
    .find((each) => each.includes('"partitions assigned"'));
  return line === undefined ? null : Date.parse(String((JSON.parse(line) as { time: string }).time));
}

/** Resolves when a group has read its topic to the end; rejects when it stands still for too long. */
export async function untilCommitted(
  progress: GroupProgress,
  standstillMsMax = STANDSTILL_MS_MAX,
): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let movedAt = Date.now();
  for (;;) {
    const lag = await progress.lag();
    if (lag === 0) return;
    if (lag < least) {
      least = lag;
      movedAt = Date.now();
    } else if (Date.now() - movedAt > standstillMsMax) {
      throw new Error(`nothing was committed for ${standstillMsMax} ms, ${lag} records wait`);
    }
    await sleep(Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, lag / RECORDS_PER_POLL_MS)));
  }
}
