import type {
  CommittedPosition,
  FetchedBatch,
  FetchedRecord,
  Membership,
  ProducerRecord,
} from '@meterstone/kafka';
import type { RatingTerms, UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import {
  createUserKeyer,
  type LedgerEntry,
  type LedgerRange,
  type RawBlock,
  rawBlockBytes,
  rawBlockRowCount,
} from '@meterstone/store';
import { createCounters } from './counters.ts';
import { createContentHasher } from './event-content.ts';
import { EXAMPLE_SECRET, exampleRecord, exampleTerms } from './example.ts';
import type { BatchWriters, PendingBatch } from './flush.ts';
import { createPartitionLoop, type PartitionLoop } from './partition-loop.ts';

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
  readonly failing = new Set<Step>();
  readonly counters = createCounters();
  readonly troubles = new Map<number, string>();
  readonly membership: Membership;
  readonly termsByEpoch: Map<string, RatingTerms>;
  terms = exampleTerms();
  committed: CommittedPosition | null = null;
  nowMs = 0;

  constructor(values: readonly (UsageEvent | Buffer)[]) {
    this.records = values.map((value, offset) => exampleRecord(offset, value));
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
    const records = this.records.slice(firstOffset, nextOffset);
    return { topic: TOPIC, kafkaPartition: KAFKA_PARTITION, firstOffset, nextOffset, records };
  }

  /** A loop that was assigned the Kafka partition and has stored no new range yet. */
  async assigned(): Promise<PartitionLoop> {
    const loop = this.#openLoop();
    loop.onMembership([KAFKA_PARTITION]);
    await loop.onAssigned(this.membership);
    return loop;
  }

  /** As the consumer does: starts where the loop says, stores ranges of a length, commits each. */
  async run(rangeLength: number): Promise<void> {
    const loop = this.#openLoop();
    loop.onMembership([KAFKA_PARTITION]);
    let position = await loop.onAssigned(this.membership);
    while (position < this.records.length) {
      const next = Math.min(position + rangeLength, this.records.length);
      await loop.onBatch(this.batch(position, next), this.membership);
      this.committed = { nextOffset: next, metadata: null };
      position = next;
    }
  }

  #openLoop(): PartitionLoop {
    return createPartitionLoop({
      topic: TOPIC,
      terms: () => this.terms,
      loadTerms: async (epoch) => this.#termsOf(epoch),
      readFacts: async () => ({
        stream: 1,
        positions: this.#positions(),
        logBounds: new Map([[KAFKA_PARTITION, { start: 0, end: this.records.length }]]),
      }),
      readRecords: async (_, from, to) => this.records.slice(from, to),
      readStoredRange: async ({ kafkaOffset }) => this.#storedRange(kafkaOffset),
      writers: this.#writers(),
      userKeyOf: createUserKeyer(EXAMPLE_SECRET),
      contentOf: createContentHasher(),
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
        this.#write('rows', `${rawBlockRowCount(block)} rows ${token}`);
        if (!this.blocks.has(token)) {
          this.blocks.set(token, rawBlockBytes(block));
        }
        this.#dieAt('rows unheard');
      },
      ensureStored: async ({ intent }: PendingBatch) => void this.verified.push(intent.token),
      sendDeadLetters: async (letters: readonly ProducerRecord[]) =>
        this.#write('letters', `letters ${letters.map(({ key }) => key).join()}`),
      insertLedger: async (range) => {
        this.#write('ledger', `ledger ${range.firstOffset}-${range.nextOffset}`);
        this.ledger.set(range.token, range);
        this.#dieAt('ledger unheard');
      },
    };
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

  #positions(): Map<number, number> {
    const ends = [...this.ledger.values()].map(({ nextOffset }) => nextOffset);
    return new Map(ends.length === 0 ? [] : [[KAFKA_PARTITION, Math.max(...ends)]]);
  }

  #storedRange(kafkaOffset: number): LedgerEntry | null {
    const range = [...this.ledger.values()].find(
      ({ firstOffset, nextOffset }) => firstOffset <= kafkaOffset && kafkaOffset < nextOffset,
    );
    return range === undefined ? null : { ...range, storedAt: 0 };
  }
}
