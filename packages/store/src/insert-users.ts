import type { StoreClient } from './client.ts';
import { insertBlock } from './insert.ts';
import { INSERT_DEADLINE_MS } from './insert-raw-block.ts';
import { RowBinaryWriter } from './row-binary.ts';
import { USERS_TABLE } from './users-table.ts';

/** The name that a user key stands for. */
export interface UserName {
  readonly orgId: string;
  /** 16 bytes, from `userKey`. */
  readonly userKey: Uint8Array;
  readonly user: string;
}

/** Names on their way to `users`. */
export interface UsersInsert {
  readonly client: StoreClient;
  readonly users: readonly UserName[];
}

/**
 * Stores names; a name that is there already is merged away. Sent without deduplication on purpose: after a person
 * was erased, the same block must be able to bring the name back. An empty list sends nothing.
 * Errors: those of `insertBlock`.
 */
export async function insertUsers({ client, users }: UsersInsert): Promise<void> {
  if (users.length === 0) return;
  const writer = new RowBinaryWriter();
  for (const { orgId, userKey, user } of users) {
    writer.text(orgId);
    writer.fixed16(userKey);
    writer.text(user);
  }
  await insertBlock({
    client,
    table: USERS_TABLE.name,
    columns: USERS_TABLE.columns,
    bytes: [writer.bytes.subarray(0, writer.position)],
    token: null,
    deadlineMs: INSERT_DEADLINE_MS,
  });
}
