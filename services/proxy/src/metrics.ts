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
  /** Events that did not get there, by reason: `bound` or `build`. */
  readonly eventsLost: Tally;
  /** Answers whose usage is not known through a fault of metering, by stage: `read` or `build`. */
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
    {
      name: 'meterstone_proxy_events_acknowledged_total',
      help: 'Usage events that Kafka has acknowledged',
      kind: 'counter',
      read: () => stats.acknowledged,
    },
    {
      name: 'meterstone_proxy_failed_sends_total',
      help: 'Sends to Kafka that failed and were repeated',
      kind: 'counter',
      read: () => stats.failedSends,
    },
    gauge('kafka_failing', '1 while no send to Kafka succeeds', () =>
      stats.failingSinceMs === null ? 0 : 1,
    ),
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

function gauge(name: string, help: string, read: () => number): Reading {
  return { name: `meterstone_proxy_${name}`, help, kind: 'gauge', read };
}
