import { insertLedgerRange, mintStream } from '@meterstone/store';
import { RecoveryError } from './errors.ts';
import { movePositions } from './group-state.ts';
import { lostRange } from './lost-range.ts';
import { requireNoMembers, requireRest } from './require-rest.ts';
import { type Decision, findStops, readStopFacts, type StopFacts, type StopOptions } from './stops.ts';

/** What a decision did to one Kafka partition. */
export interface Recovered {
  readonly kafkaPartition: number;
  /** Where it goes on. */
  readonly position: number;
  /** Offsets that are given up; 0 = none. */
  readonly lostOffsets: number;
}

/**
 * Carries out an operator's decision for every Kafka partition that stands still for its cause. Only without aggregators.
 * RecoveryError `group_active`, `intent_pending`, `nothing_to_recover` or `cannot_recover`; nothing was changed then.
 */
export async function decide(decision: Decision, options: StopOptions): Promise<Recovered[]> {
  const facts = await readStopFacts(options);
  const stopped = findStops(facts).filter((stop) => stop.decision === decision);
  if (stopped.length === 0) {
    throw new RecoveryError('nothing_to_recover', `no Kafka partition waits for --${decision}`, {
      retryable: false,
    });
  }
  const kafkaPartitions = stopped.map(({ kafkaPartition }) => kafkaPartition).sort((a, b) => a - b);
  switch (decision) {
    case 'from-ledger':
      // Intents noted beyond the ledger are of a ClickHouse that is no more: they go with the positions.
      requireNoMembers(facts);
      return fromLedger(kafkaPartitions, facts, options);
    case 'skip-lost':
      await requireRest(options);
      return skipLost(kafkaPartitions, facts, options);
    case 'new-stream':
      requireNoMembers(facts);
      return newStream(kafkaPartitions, facts, options);
  }
}

async function fromLedger(
  kafkaPartitions: readonly number[],
  facts: StopFacts,
  options: StopOptions,
): Promise<Recovered[]> {
  const targets = new Map(kafkaPartitions.map((partition) => [partition, facts.ledger.get(partition) ?? 0]));
  for (const [kafkaPartition, position] of targets) {
    const log = facts.log.get(kafkaPartition);
    if (log !== undefined && log.start > position) {
      const message = `Kafka no longer holds offsets ${position} to ${log.start} of Kafka partition ${kafkaPartition}: --skip-lost gives them up`;
      throw new RecoveryError('cannot_recover', message, { retryable: false });
    }
  }
  await movePositions(options, targets);
  return [...targets].map(([kafkaPartition, position]) => ({ kafkaPartition, position, lostOffsets: 0 }));
}

async function skipLost(
  kafkaPartitions: readonly number[],
  facts: StopFacts,
  options: StopOptions,
): Promise<Recovered[]> {
  const recovered: Recovered[] = [];
  for (const kafkaPartition of kafkaPartitions) {
    const from = facts.ledger.get(kafkaPartition) ?? 0;
    const to = facts.log.get(kafkaPartition)?.start ?? from;
    // The ledger first: if this dies before the positions are moved, the ledger's are taken at the next assignment.
    await insertLedgerRange(
      options.store,
      lostRange({ stream: facts.stream ?? 1, kafkaPartition, firstOffset: from, nextOffset: to }),
    );
    recovered.push({ kafkaPartition, position: to, lostOffsets: to - from });
  }
  await movePositions(options, new Map(recovered.map((each) => [each.kafkaPartition, each.position])));
  return recovered;
}

async function newStream(
  kafkaPartitions: readonly number[],
  facts: StopFacts,
  options: StopOptions,
): Promise<Recovered[]> {
  const starts = new Map(
    kafkaPartitions.map((partition) => [partition, facts.log.get(partition)?.start ?? 0]),
  );
  // Positions first: under the old number they are a stop, under the new one they are the beginning.
  await movePositions(options, starts);
  await mintStream(options.store, { topic: options.topic, fingerprint: facts.topicId });
  return [...starts].map(([kafkaPartition, position]) => ({ kafkaPartition, position, lostOffsets: 0 }));
}
