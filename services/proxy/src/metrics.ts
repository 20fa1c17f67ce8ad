import { type Registry, registerReadings } from '@meterstone/runtime';
import { createTally, type Tally } from './tally.ts';

/** What the proxy counts. Every limit that is reached and everything lost shows here. */
export interface ProxyCounters {
  /** Requests refused or failed by the proxy itself, by code; `client_gone` before an answer began. */
  readonly refused: Tally;
  /** Attempts ended, by outcome. */
  readonly attempts: Tally;
  /** Events handed to Kafka's producer, by usage source. */
  readonly events: Tally;
  /** Events that neither memory nor journal took, by reason: `bound` or `build`. */
  readonly eventsLost: Tally;
  /** Answers whose usage is not known through a fault of metering, by stage: `read`, `build` or `note`. */
  readonly meteringFaults: Tally;
  /** Answers without usage for a known reason: `no_reader`, `too_large`. */
  readonly unmetered: Tally;
  /** Requests whose own `user` was over-long and left out. */
  readonly usersUnattributed: Tally;
  /** Answers drained for a client that has gone, by how it ended: `complete`, `over_time`, `over_bytes`, `over_drains`. */
  readonly drains: Tally;
}

export function createCounters(): ProxyCounters {
  return {
    refused: createTally(),
    attempts: createTally(),
    events: createTally(),
    eventsLost: createTally(),
    meteringFaults: createTally(),
    unmetered: createTally(),
    usersUnattributed: createTally(),
    drains: createTally(),
  };
}

/** Values read from the parts that keep them. */
export interface ProxyGauges {
  readonly inFlight: () => number;
  readonly draining: () => number;
  /** Request bodies and copies of answers in memory. */
  readonly heldBytes: () => number;
  /** Encoded events that wait for Kafka. */
  readonly pendingBytes: () => number;
}

export function registerMetrics(registry: Registry, counters: ProxyCounters, gauges: ProxyGauges): void {
  registerReadings(registry, [
    counter('refused', 'code', 'Requests that the proxy answered itself, by error code', counters.refused),
    counter('attempts', 'outcome', 'Attempts ended, by outcome', counters.attempts),
    counter('events', 'usage_source', 'Usage events handed to the producer', counters.events),
    counter('events_lost', 'reason', 'Usage events that were not handed on', counters.eventsLost),
    counter('metering_faults', 'stage', 'Faults of metering itself', counters.meteringFaults),
    counter('unmetered', 'reason', 'Answers passed on without reading their usage', counters.unmetered),
    counter('users_unattributed', 'source', 'Over-long users left out', counters.usersUnattributed),
    counter('drains', 'result', 'Answers read on after their client had gone', counters.drains),
    gauge('in_flight', 'Requests between headers and end', gauges.inFlight),
    gauge('draining', 'Answers being read on for clients that have gone', gauges.draining),
    gauge('held_bytes', 'Request bodies and answer copies in memory', gauges.heldBytes),
    gauge('pending_bytes', 'Encoded events waiting for Kafka', gauges.pendingBytes),
  ]);
}

/** What of the batch producer's counters an operator watches. */
export interface ProducerStats {
  readonly acknowledged: number;
  readonly failedSends: number;
  readonly failingSinceMs: number | null;
}

export function registerProducerMetrics(registry: Registry, stats: ProducerStats): void {
  registerReadings(registry, [
    total('events_acknowledged', 'Usage events that Kafka has acknowledged', () => stats.acknowledged),
    total('failed_sends', 'Sends to Kafka that failed and were repeated', () => stats.failedSends),
    gauge('kafka_failing', '1 while no send to Kafka succeeds', () =>
      stats.failingSinceMs === null ? 0 : 1,
    ),
  ]);
}

/** What of the journal an operator watches. */
interface WatchedJournal {
  readonly bytes: number;
  readonly openNotes: number;
  readonly isFull: boolean;
  readonly oldestOpenAt: number | null;
  readonly oldestUnsettledAt: number | null;
  readonly stats: { readonly unnoted: number; readonly unkept: number; readonly failedWrites: number };
}

export interface JournalReadings {
  readonly journal: WatchedJournal;
  /** Events wait in the journal alone. */
  readonly isBehind: () => boolean;
  readonly now: () => number;
}

export function registerJournalMetrics(
  registry: Registry,
  { journal, isBehind, now }: JournalReadings,
): void {
  const age = (at: number | null): number => (at === null ? 0 : Math.max(0, now() - at) / 1_000);
  registerReadings(registry, [
    gauge('journal_bytes', 'Size of the journal', () => journal.bytes),
    gauge('journal_full', '1 while the journal takes no new attempts', () => (journal.isFull ? 1 : 0)),
    gauge('journal_behind', '1 while events wait in the journal alone', () => (isBehind() ? 1 : 0)),
    gauge('journal_open_notes', 'Attempts noted that have not ended', () => journal.openNotes),
    gauge('journal_oldest_attempt_seconds', 'Age of the attempt that is open for longest; 0 = none', () =>
      age(journal.oldestOpenAt),
    ),
    gauge('journal_oldest_unsettled_seconds', 'Age of the oldest event that Kafka lacks; 0 = none', () =>
      age(journal.oldestUnsettledAt),
    ),
    total('journal_unnoted', 'Attempts that could not be noted', () => journal.stats.unnoted),
    total('journal_unkept', 'Events in memory alone', () => journal.stats.unkept),
    total('journal_failed_writes', 'Writes to the journal that failed', () => journal.stats.failedWrites),
  ]);
}

type Reading = Parameters<typeof registerReadings>[1][number];

function counter(name: string, label: string, help: string, tally: Tally): Reading {
  return {
    name: `meterstone_proxy_${name}_total`,
    help,
    kind: 'counter',
    labels: [label],
    read: () =>
      Array.from(tally.entries(), ([value, count]) => ({ labels: { [label]: value }, value: count })),
  };
}

function total(name: string, help: string, read: () => number): Reading {
  return { name: `meterstone_proxy_${name}_total`, help, kind: 'counter', read };
}

function gauge(name: string, help: string, read: () => number): Reading {
  return { name: `meterstone_proxy_${name}`, help, kind: 'gauge', read };
}
