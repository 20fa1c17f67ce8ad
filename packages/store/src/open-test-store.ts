import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { createStoreClient, type StoreClient } from './client.ts';
import { EXAMPLE_SECRET } from './example-row.ts';
import { insertRawBlock } from './insert-raw-block.ts';
import { insertUsers } from './insert-users.ts';
import { migrate } from './migrate.ts';
import { appendRawRow, createRawBlock } from './raw-block.ts';
import type { RawRow } from './raw-row.ts';
import { createUserKeyer, type UserKeyer } from './user-key.ts';

/** A migrated database of a test's own on the stack that the tests run on. */
export interface TestStore {
  readonly client: StoreClient;
  readonly database: string;
  readonly userKey: UserKeyer;
  /** Stores users, then rows as one block, by default under a new token. */
  insert(rows: readonly Omit<RawRow, 'userKey' | 'coordinates'>[], token?: string): Promise<void>;
  /** Leaves the database behind, so that a failure can be looked at. */
  close(): Promise<void>;
}

export async function openTestStore(): Promise<TestStore> {
  const database = `store_${randomBytes(6).toString('hex')}`;
  const client = createStoreClient({
    url: inject('clickhouseUrl'),
    username: 'default',
    password: '',
    database,
  });
  await migrate({ client, database });
  const userKey = createUserKeyer(EXAMPLE_SECRET);
  return {
    client,
    database,
    userKey,
    insert: async (rows, token = randomBytes(8).toString('hex')) => {
      const block = createRawBlock();
      const users = [];
      for (const [kafkaOffset, { event, rating }] of rows.entries()) {
        const key = userKey(event.orgId, event.user);
        const coordinates = { stream: 1, kafkaPartition: 0, kafkaOffset };
        appendRawRow(block, { event, rating, userKey: key, coordinates });
        if (event.user !== null) users.push({ orgId: event.orgId, userKey: key, user: event.user });
      }
      await insertUsers({ client, users });
      await insertRawBlock({ client, block, token });
    },
    close: () => client.close(),
  };
}
