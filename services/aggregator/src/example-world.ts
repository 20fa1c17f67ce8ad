import {
  type CommittedPosition,
  type FetchedBatch,
  type FetchedRecord,
  type Membership,
  type ProducerRecord,
  RecordList,
} from '@meterstone/kafka';
import type { RatingTerms, UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import {
  createUserKeyer,
  type LedgerEntry,
  type LedgerRange,
  type OlderRows,
  type RawBlock,
  rawBlockBytes,
  rawBlockRowCount,
  type StoredEvents,
  StoreError,
} from '@meterstone/store';
import { createCounters } from './counters.ts';
import { EXAMPLE_SECRET, exampleFetched, exampleTerms } from './example.ts';
import type { BatchWriters } from './flush.ts';
import { IdFilter } from './id-filter.ts';
import { identityOf } from './older-events.ts';
import { createPartitionLoop, type PartitionLoop } from './partition-loop.ts';
import type { PendingBatch } from './pending-batch.ts';
import { readRecord } from './read-record.ts';

/** Steps of storing a range, in their order, at which a test lets the process die. */
export const STEPS = [
  'intent',
  'users',
  'rows',
  'rows unheard',
  'letters',
  'ledger',
  'ledger unheard',
] as const;
type Step = (typeof STEPS)[number];

export const KAFKA_PARTITION = 3;
const TOPIC = 'usage-events';

/**
 * One Kafka partition, its group's position, and a store that keeps one block per token, as far as the loop needs them.
 * What is there outlives every loop over it.
 */
export class ExampleWorld {
  readonly records: FetchedRecord[];
  readonly written: string[] = [];
  /** Token → the bytes of its block. */
  readonly blocks = new Map<string, Buffer>();
  readonly ledger = new Map<string, LedgerRange>();
  /** Tokens whose blocks were verified. */
  readonly verified: string[] = [];
  /** Tokens of which it was asked whether nothing is stored. */
  readonly absenceAsked: string[] = [];
  readonly failing = new Set<Step>();
  /** Called after each ledger row. */
  onLedgerRow: () => void = () => undefined;
  /** ClickHouse has no memory for a block of more rows. */
  rowsMax = Number.POSITIVE_INFINITY;
  readonly counters = createCounters();
  readonly troubles = new Map<number, string>();
  readonly membership: Membership;
  readonly termsByEpoch: Map<string, RatingTerms>;
  terms = exampleTerms();
  committed: CommittedPosition | null = null;
  nowMs = 0;
  /** Records below it are no longer in the log. */
  logStart = 0;
  /** Offsets of which there are no rows, though they are readable by now. */
  readonly refused = new Set<number>();
  /** How many ids each look-up asked for. */
  readonly lookUps: number[] = [];
  readonly filtersRead: OlderRows[] = [];

  constructor(values: readonly (UsageEvent | Buffer)[]) {
    this.records = values.map((value, offset) => exampleFetched(offset, value));
    this.termsByEpoch = new Map([[this.terms.epoch, this.terms]]);
    this.membership = {
      kafkaPartition: KAFKA_PARTITION,
      isCurrent: () => true,
      note: async (position) => {
        this.#dieAt('intent');
        this.committed = position;
      },
      committed: async () => this.committed,
    };
  }

  /** What was fetched of a range. */
  batch(firstOffset: number, nextOffset: number): FetchedBatch {
    const records = RecordList.of(this.records.slice(firstOffset, nextOffset));
    return { topic: TOPIC, kafkaPartition: KAFKA_PARTITION, firstOffset, nextOffset, records };
  }

  /** A loop that was assigned the Kafka partition and has stored no new range yet. */
  async assigned(): Promise<PartitionLoop> {
    const loop = this.openLoop();
    loop.onMembership([KAFKA_PARTITION]);
    await loop.onAssigned(this.membership);
    return loop;
  }

  /** As the consumer does: starts where the loop says, stores ranges of a length, commits each. */
  async run(rangeLength: number): Promise<void> {
    const loop = this.openLoop();
    loop.onMembership([KAFKA_PARTITION]);
    let position = await loop.onAssigned(this.membership);
    while (position < this.records.length) {
      const next = Math.min(position + rangeLength, this.records.length);
      await loop.onBatch(this.batch(position, next), this.membership);
      this.committed = { nextOffset: next, metadata: null };
      position = next;
    }
  }

  /** A loop that knows of nothing yet. */
  openLoop(): PartitionLoop {
    return createPartitionLoop({
      topic: TOPIC,
      terms: () => this.terms,
      loadTerms: async (epoch) => this.#termsOf(epoch),
      readFacts: async () => ({
        stream: 1,
        logBounds: new Map([[KAFKA_PARTITION, { start: this.logStart, end: this.records.length }]]),
      }),
      readRecords: async (_, from, to) =>
        RecordList.of(this.records.slice(Math.max(from, this.logStart), to)),
      readLastRange: async () => this.#lastRange(),
      older: {
        findStored: async (keys, older) => {
          this.lookUps.push(keys.length);
          return this.#storedBefore(older);
        },
        readIdFilter: async (older) => {
          this.filtersRead.push(older);
          const filter = new IdFilter(1_000);
          for (const { eventId } of this.#eventsBefore(older.before)) filter.add(eventId);
          return filter;
        },
        onLookUp: (ids) => {
          this.counters.idsLookedUp += ids;
        },
        onClocksAhead: (events) => {
          this.counters.clocksAhead += events;
        },
      },
      writers: this.#writers(),
      userKeyOf: createUserKeyer(EXAMPLE_SECRET),
      counters: this.counters,
      troubles: this.troubles,
      logger: createLogger({ service: 'aggregator', level: 'silent' }),
      now: () => this.nowMs,
    });
  }

  #writers(): BatchWriters {
    return {
      insertUsers: async (users) => this.#write('users', `users ${users.map(({ user }) => user).join()}`),
      insertRows: async (block: RawBlock, token: string) => {
        if (rawBlockRowCount(block) > this.rowsMax) {
          throw new StoreError('server_busy', 'no memory', { retryable: true, serverCode: '241' });
        }
        this.#write('rows', `${rawBlockRowCount(block)} rows ${token}`);
        if (!this.blocks.has(token)) {
          this.blocks.set(token, rawBlockBytes(block));
        }
        this.#dieAt('rows unheard');
      },
      isAbsent: async ({ intent }) => {
        this.absenceAsked.push(intent.token);
        return !this.blocks.has(intent.token);
      },
      ensureStored: async ({ intent }: PendingBatch) => void this.verified.push(intent.token),
      sendDeadLetters: async (letters: readonly ProducerRecord[]) =>
        this.#write('letters', `letters ${letters.map(({ key }) => key).join()}`),
      insertLedger: async (range) => {
        this.#write('ledger', `ledger ${range.firstOffset}-${range.nextOffset}`);
        this.ledger.set(range.token, range);
        this.onLedgerRow();
        this.#dieAt('ledger unheard');
      },
    };
  }

  /** The first of each identity, told apart by its output tokens alone. */
  #storedBefore({ before }: OlderRows): StoredEvents {
    const tokens = new Map<string, number>();
    for (const event of this.#eventsBefore(before)) {
      const identity = identityOf(event);
      tokens.set(identity, tokens.get(identity) ?? event.outputTokens);
    }
    return {
      find(event) {
        const stored = tokens.get(identityOf(event));
        if (stored === undefined) {
          return 'absent';
        }
        return stored === event.outputTokens ? 'copy' : 'conflict';
      },
    };
  }

  #eventsBefore(kafkaOffset: number): UsageEvent[] {
    const stored = this.records.slice(0, kafkaOffset).filter(({ offset }) => !this.refused.has(offset));
    return stored.flatMap((record) => {
      const read = readRecord(record);
      return read.kind === 'event' ? [read.event] : [];
    });
  }

  #write(step: Step, text: string): void {
    this.#dieAt(step);
    this.written.push(text);
  }

  #dieAt(step: Step): void {
    if (this.failing.has(step)) {
      throw Object.assign(new Error(`died at ${step}`), { code: 'unreachable' });
    }
  }

  #termsOf(epoch: string): RatingTerms {
    const terms = this.termsByEpoch.get(epoch);
    if (terms === undefined) {
      throw Object.assign(new Error('no such bundle'), { code: 'bundle_missing' });
    }
    return terms;
  }

  #lastRange(): LedgerEntry | null {
    const ranges = [...this.ledger.values()].sort((a, b) => b.firstOffset - a.firstOffset);
    return ranges[0] === undefined ? null : { ...ranges[0], storedAt: 0 };
  }
}
