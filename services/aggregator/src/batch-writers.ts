import type { ProducerRecord } from '@meterstone/kafka';
import { insertLedgerRange, insertRawBlock, insertUsers, type StoreClient } from '@meterstone/store';
import type { Counters } from './counters.ts';
import { ensureStored, isAbsent } from './ensure-stored.ts';
import { type BatchWriters, isRefusal } from './flush.ts';
import { InsertGate } from './insert-gate.ts';
import { createKnownUsers } from './known-users.ts';

export interface BatchWriterParts {
  readonly store: StoreClient;
  readonly counters: Counters;
  readonly now: () => number;
  readonly sendDeadLetters: (records: readonly ProducerRecord[]) => Promise<void>;
}

/** The writers to ClickHouse and to the dead letters' topic. */
export function createBatchWriters(parts: BatchWriterParts): BatchWriters {
  const { store: client, counters, now } = parts;
  const known = createKnownUsers();
  const gate = new InsertGate();
  return {
    async insertUsers(users) {
      const unknown = users.filter((user) => !known.has(user));
      await insertUsers({ client, users: unknown });
      known.add(unknown);
    },
    async insertRows(block, token) {
      const startedAt = now();
      try {
        await gate.insert(() => insertRawBlock({ client, block, token }));
      } catch (error) {
        counters.unknownOutcomes += isRefusal(error) ? 0 : 1;
        throw error;
      } finally {
        counters.inserts += 1;
        counters.insertMs += now() - startedAt;
      }
    },
    ensureStored: (pending) => ensureStored(pending, { store: client, gate, counters, now }),
    isAbsent: (pending) => isAbsent(pending, { store: client, gate, counters, now }),
    async sendDeadLetters(records) {
      if (records.length > 0) {
        await parts.sendDeadLetters(records);
      }
    },
    insertLedger: (range) => insertLedgerRange(client, range),
  };
}
