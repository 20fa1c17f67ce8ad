import { type LogBounds, readLogBounds, readTopicId } from '@meterstone/kafka';
import { readLedgerPositions, readStreams, type StoreClient } from '@meterstone/store';
import { type PartitionFault, positionFaults } from './audit-ledger.ts';
import { type GroupOptions, readGroupState } from './group-state.ts';

/** Why an aggregator does not go on with a Kafka partition by itself. */
export interface Stop {
  readonly kafkaPartition: number;
  /**
   * `new_incarnation`: the topic was deleted and made again. `intent_differs`: what was noted as being stored does not
   * begin where the ledger ends. The others as in an audit.
   */
  readonly cause: PartitionFault['kind'] | 'new_incarnation' | 'intent_differs';
  /** For a person, with the numbers. */
  readonly detail: string;
  /** The decision that ends it, as an option of `meterstone recover`; `null` = none does, see the documentation. */
  readonly decision: Decision | null;
}

/**
 * `from-ledger`: Kafka's position becomes the ledger's, without a note, and what lies between is stored (again, if ClickHouse
 * was restored from an older backup). `skip-lost`: offsets that Kafka no longer has are written into the ledger as lost.
 * `new-stream`: the topic as it is now begins with a number and positions of its own.
 */
export type Decision = 'from-ledger' | 'skip-lost' | 'new-stream';

export interface StopOptions extends GroupOptions {
  readonly store: StoreClient;
}

/** All that the decisions need to know. */
export interface StopFacts {
  /** The topic's latest number; `null` = it has none yet. */
  readonly stream: number | null;
  readonly topicId: string;
  readonly isNewIncarnation: boolean;
  readonly members: number;
  readonly ledger: ReadonlyMap<number, number>;
  readonly committed: ReadonlyMap<number, number>;
  /** Kafka partition → what is noted beside its position. */
  readonly notes: ReadonlyMap<number, string>;
  readonly log: ReadonlyMap<number, LogBounds>;
}

const DECISIONS: Partial<Record<Stop['cause'], Decision>> = {
  kafka_ahead: 'from-ledger',
  intent_differs: 'from-ledger',
  log_starts_after: 'skip-lost',
  new_incarnation: 'new-stream',
};

/** Reads where ledger, group and log stand. */
export async function readStopFacts(options: StopOptions): Promise<StopFacts> {
  const { store, kafka, topic } = options;
  const latest = (await readStreams(store, topic)).at(-1) ?? null;
  const [topicId, group, log, ledger] = await Promise.all([
    readTopicId(kafka, topic),
    readGroupState(options),
    readLogBounds(kafka, topic),
    latest === null ? new Map<number, number>() : readLedgerPositions(store, latest.stream),
  ]);
  return {
    stream: latest?.stream ?? null,
    topicId,
    isNewIncarnation: latest !== null && latest.fingerprint !== topicId,
    members: group.members,
    ledger,
    committed: new Map([...group.positions].map(([partition, { nextOffset }]) => [partition, nextOffset])),
    notes: new Map(
      [...group.positions].flatMap(([partition, { metadata }]) =>
        metadata === null ? [] : [[partition, metadata] as const],
      ),
    ),
    log,
  };
}

/** Every Kafka partition that stands still for a person's decision. Pure. */
export function findStops(facts: StopFacts): Stop[] {
  if (facts.isNewIncarnation) {
    const detail = `the topic is another one than stream ${facts.stream} was (id ${facts.topicId})`;
    return [...facts.log.keys()].map((kafkaPartition) => ({
      kafkaPartition,
      cause: 'new_incarnation',
      detail,
      decision: 'new-stream',
    }));
  }
  return [...facts.log].flatMap(([kafkaPartition, log]) => {
    const position = facts.ledger.get(kafkaPartition) ?? 0;
    const committed = facts.committed.get(kafkaPartition) ?? null;
    const faults: readonly { readonly kind: Stop['cause']; readonly detail: string }[] = positionFaults({
      position,
      committed,
      log,
    });
    // Where positions differ, a note says nothing more.
    const found = faults.length > 0 ? faults : noteFaults(facts, kafkaPartition, position);
    return found.map(({ kind, detail }) => ({
      kafkaPartition,
      cause: kind,
      detail,
      decision: DECISIONS[kind] ?? null,
    }));
  });
}

function noteFaults(
  { notes, stream }: StopFacts,
  kafkaPartition: number,
  position: number,
): { readonly kind: Stop['cause']; readonly detail: string }[] {
  const note = notes.get(kafkaPartition);
  const range = note === undefined ? null : rangeOfNote(note);
  if (note === undefined || isCarriedOut(range, stream, position)) return [];
  const what = range === null ? 'a note that is no intent' : `an intent for ${range.first} to ${range.next}`;
  const detail = `${what} stands beside the ledger's position ${position}`;
  return [{ kind: 'intent_differs', detail }];
}

interface NotedRange {
  readonly stream: number;
  readonly first: number;
  readonly next: number;
}

/** Whether an aggregator goes on by itself: the range is stored, or is the next one. */
function isCarriedOut(range: NotedRange | null, stream: number | null, position: number): boolean {
  return range !== null && range.stream === stream && (range.next <= position || range.first === position);
}

/** The range of an intent; `null` = the note is none. */
function rangeOfNote(note: string): NotedRange | null {
  try {
    const { stream, first, next } = JSON.parse(note) ?? {};
    return [stream, first, next].every(Number.isSafeInteger) ? { stream, first, next } : null;
  } catch {
    return null;
  }
}
