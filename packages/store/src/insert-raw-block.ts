import type { StoreClient } from './client.ts';
import { insertBlock } from './insert.ts';
import { nativeBlock, type RawBlock, rawBlockRowCount } from './raw-block.ts';
import { RAW_TABLE } from './raw-events.ts';

/** How long an insert may take, far below the time that the deduplication window spans. */
export const INSERT_DEADLINE_MS = 30_000;

/** One block on its way to `raw_events`. */
export interface RawBlockInsert {
  readonly client: StoreClient;
  readonly block: RawBlock;
  /** Names the block's range of offsets: the same token with other rows is silently dropped. */
  readonly token: string;
  /** @default INSERT_DEADLINE_MS */
  readonly deadlineMs?: number;
}

/**
 * Stores a block in `raw_events` and in every rollup, as one insert. The same token again, within the deduplication
 * window, changes nothing, and completes what a failure left half done. A block without rows sends nothing.
 * Errors: those of `insertBlock`.
 */
export async function insertRawBlock({ client, block, token, deadlineMs }: RawBlockInsert): Promise<void> {
  if (rawBlockRowCount(block) === 0) return;
  const { columns, pieces } = nativeBlock(block);
  await insertBlock({
    client,
    table: RAW_TABLE.name,
    columns,
    format: 'Native',
    bytes: pieces,
    token,
    deadlineMs: deadlineMs ?? INSERT_DEADLINE_MS,
  });
}
