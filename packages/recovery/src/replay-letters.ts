import type { DeadLetter } from '@meterstone/events';
import type { ProducerRecord, RecordProducer } from '@meterstone/kafka';
import { type UsageEvent, uuidText } from '@meterstone/metering';
import type { StoreClient } from '@meterstone/store';
import { toLetterId } from './letter-id.ts';
import { letterState } from './letter-state.ts';

/** What became of one letter. */
export interface LetterReplay {
  readonly id: string;
  /** `sent`; `would_send` in a dry run; `stored` = its event has its row already; `unfit` = not sent, see `reason`. */
  readonly outcome: 'sent' | 'would_send' | 'stored' | 'unfit';
  /** Why it was not sent; `null` = it was, or would be. */
  readonly reason: string | null;
}

export interface ReplayLettersOptions {
  readonly store: StoreClient;
  /** Of the usage events' topic. */
  readonly producer: Pick<RecordProducer, 'send'>;
  readonly letters: readonly DeadLetter[];
  readonly dryRun: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Letters sent in one go, after one look into raw. */
const STRETCH_LETTERS = 500;

/**
 * Sends the original bytes of letters again, to the Kafka partition in which they stood. The same event keeps its identity,
 * so a second replay is dropped as a duplicate, or not even sent once the first one has its row. The key says which letter
 * it was: `replay-<stream>-<Kafka partition>-<offset>`. What would only become a dead letter again is not sent.
 * Throws KafkaError `produce_failed` and what the store's client throws; sending again is safe.
 */
export async function replayLetters(options: ReplayLettersOptions): Promise<LetterReplay[]> {
  const { letters, onProgress } = options;
  const replays: LetterReplay[] = [];
  for (let start = 0; start < letters.length; start += STRETCH_LETTERS) {
    const stretch = letters.slice(start, start + STRETCH_LETTERS);
    replays.push(...(await replayStretch(stretch, options)));
    onProgress?.(start + stretch.length, letters.length);
  }
  return replays;
}

async function replayStretch(
  stretch: readonly DeadLetter[],
  { store, producer, dryRun }: ReplayLettersOptions,
): Promise<LetterReplay[]> {
  const states = stretch.map((letter) => ({ letter, id: toLetterId(letter), state: letterState(letter) }));
  const events = states.flatMap(({ state }) => (state.kind === 'fit' ? [state.event] : []));
  const stored = await findStored(store, events);
  const records: ProducerRecord[] = [];
  const replays = states.map(({ letter, id, state }): LetterReplay => {
    if (state.kind === 'unfit') return { id, outcome: 'unfit', reason: `${state.code}: ${state.reason}` };
    if (stored.has(identityOf(state.event))) {
      return { id, outcome: 'stored', reason: 'an event of this identity has its row' };
    }
    records.push({ key: `replay-${id}`, value: state.value, kafkaPartition: letter.kafkaPartition });
    return { id, outcome: dryRun ? 'would_send' : 'sent', reason: null };
  });
  if (!dryRun && records.length > 0) await producer.send(records);
  return replays;
}

/** Identities of these events that have rows in raw. */
async function findStored(store: StoreClient, events: readonly UsageEvent[]): Promise<Set<string>> {
  if (events.length === 0) return new Set();
  const answer = await store.query({
    // By org and time too, which is how raw is ordered.
    query: [
      'SELECT DISTINCT toString(event_id), line FROM raw_events',
      'WHERE org_id IN {org_ids:Array(String)}',
      'AND toUnixTimestamp64Milli(occurred_at) BETWEEN {from:Int64} AND {to:Int64}',
      'AND event_id IN {event_ids:Array(UUID)}',
    ].join(' '),
    query_params: {
      org_ids: [...new Set(events.map(({ orgId }) => orgId))],
      from: Math.min(...events.map(({ occurredAt }) => occurredAt)),
      to: Math.max(...events.map(({ occurredAt }) => occurredAt)),
      event_ids: events.map(({ eventId }) => uuidText(eventId)),
    },
    format: 'JSONCompact',
  });
  const { data } = await answer.json<[string, number]>();
  return new Set(data.map(([eventId, line]) => `${eventId}/${line}`));
}

function identityOf({ eventId, line }: UsageEvent): string {
  return `${uuidText(eventId)}/${line}`;
}
