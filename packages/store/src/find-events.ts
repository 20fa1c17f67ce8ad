import { type UsageEvent, uuidText } from '@meterstone/metering';
import type { StoreClient } from './client.ts';
import { factsOf, STORED_FACTS } from './find-events-facts.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readRows } from './read.ts';

/** Identity of a line, and the org under which it would stand. */
export interface EventKey {
  /** 16 bytes. */
  readonly eventId: Uint8Array;
  readonly line: number;
  readonly orgId: string;
}

/** Rows at smaller offsets of a Kafka partition, and all of earlier streams. */
export interface OlderRows {
  readonly stream: number;
  readonly kafkaPartition: number;
  /** First offset that is no longer older. */
  readonly before: number;
}

/** Lines that raw holds, by identity. */
export interface StoredEvents {
  /** How a line stands against them; `userKey` is the event's own. */
  find(event: UsageEvent, userKey: Uint8Array): 'absent' | 'copy' | 'conflict';
}

/** Ids in one query, which bounds its text. */
const KEYS_PER_QUERY = 2_000;

/**
 * Looks identities up among older rows. What is not older is left out on purpose: a range that is stored again would
 * otherwise find its own rows. An identity is looked for in its own org alone, which is part of how ids are made.
 * Throws `StoreError`.
 */
export async function findStoredEvents(
  client: StoreClient,
  keys: readonly EventKey[],
  older: OlderRows,
): Promise<StoredEvents> {
  const found = new Map<string, readonly string[]>();
  for (let from = 0; from < keys.length; from += KEYS_PER_QUERY) {
    const some = keys.slice(from, from + KEYS_PER_QUERY);
    const { rows } = await readRows({
      client,
      sql: questionFor(some),
      params: {
        org_ids: [...new Set(some.map(({ orgId }) => orgId))],
        stream: older.stream,
        kafka_partition: older.kafkaPartition,
        before: String(older.before),
      },
      threadsMax: null,
    });
    for (const [eventId, line, facts] of rows) {
      const identity = `${eventId}/${line}`;
      // The first one counts; it comes first.
      if (!found.has(identity) && Array.isArray(facts)) found.set(identity, facts.map(String));
    }
  }
  return {
    find(event, userKey) {
      const stored = found.get(`${uuidText(event.eventId)}/${event.line}`);
      if (stored === undefined) return 'absent';
      return factsOf(event, userKey).every((fact, index) => fact === stored[index]) ? 'copy' : 'conflict';
    },
  };
}

/** The ids stand in the text, as hexadecimal digits and nothing else: a parameter of this length is refused. */
function questionFor(keys: readonly EventKey[]): string {
  const ids = new Set(keys.map(({ eventId }) => `'${uuidText(eventId)}'`));
  return [
    `SELECT toString(r.event_id), r.line, [${STORED_FACTS.join(', ')}]`,
    `FROM ${RAW_TABLE.name} AS r`,
    `WHERE r.event_id IN (${[...ids].join(', ')}) AND r.org_id IN {org_ids:Array(String)}`,
    '  AND (r.stream < {stream:UInt32} OR (r.stream = {stream:UInt32}',
    '    AND r.kafka_partition = {kafka_partition:UInt32} AND r.kafka_offset < {before:UInt64}))',
    'ORDER BY r.stream, r.kafka_offset',
  ].join('\n');
}
