import type { ConsumerProgress, PartitionProgress } from '@meterstone/kafka';
import type { Readiness } from '@meterstone/runtime';

/** A Kafka partition that has lag and has not moved for this long is not being worked on. */
export const PROGRESS_TIMEOUT_MS = 60_000;

/** What keeps a Kafka partition from going on, as a clause for a person, by number; cleared by the next step forward. */
export type Troubles = Map<number, string>;

/**
 * Ready means progress: every assigned Kafka partition that has lag moves. A consumer that is connected, assigned and
 * does nothing is not ready; one without any Kafka partition (a spare process) is. `consumer`: its progress, or what it
 * is waited for where there is none yet. `now`: epoch milliseconds.
 */
export function readinessOf(
  consumer: ConsumerProgress | string,
  troubles: ReadonlyMap<number, string>,
  now: number,
): Readiness {
  if (typeof consumer === 'string') {
    return { ready: false, reasons: [consumer] };
  }
  if (consumer.state !== 'running') {
    return { ready: false, reasons: [`the consumer is ${consumer.state}`] };
  }
  const reasons = consumer.kafkaPartitions.flatMap((progress) => {
    const reason = troubles.get(progress.kafkaPartition) ?? standstillOf(progress, now);
    return reason === null ? [] : [`Kafka partition ${progress.kafkaPartition}: ${reason}`];
  });
  return { ready: reasons.length === 0, reasons };
}

function standstillOf({ lag, movedAtMs, stopped }: PartitionProgress, now: number): string | null {
  if (stopped !== null) {
    return `stopped, ${stopped}`;
  }
  if (lag === 0 || now - movedAtMs <= PROGRESS_TIMEOUT_MS) {
    return null;
  }
  const seconds = Math.floor((now - movedAtMs) / 1000);
  return lag === null
    ? `not read for ${seconds} s since it was assigned`
    : `${lag} records wait and none was stored for ${seconds} s`;
}
