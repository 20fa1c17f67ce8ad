import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ClickHouseSettings } from '@clickhouse/client';
import type { StoreClient } from './client.ts';
import type { Column } from './column.ts';
import { StoreError } from './errors.ts';
import { RAW_BLOCK_ROWS_MAX } from './raw-block.ts';
import { toStoreError } from './server-error.ts';

/** One insert of one block. */
export interface BlockInsert {
  readonly client: StoreClient;
  readonly table: string;
  readonly columns: readonly Column[];
  /** @default RowBinary */
  readonly format?: 'RowBinary' | 'Native';
  /** Whole or in pieces. */
  readonly bytes: Buffer | readonly Buffer[];
  /** Names the block for deduplication; `null` = the table makes repetition harmless by itself. */
  readonly token: string | null;
  readonly deadlineMs: number;
}

const MILLISECONDS_PER_SECOND = 1000;
/** Below every insert's deadline. */
const INSERT_QUORUM_MS = 20_000;
/** No insert of ours reaches it: only rows bound a block. */
const BLOCK_BYTES_UNBOUNDED = '4294967296';

/**
 * Every setting on which "stored once" rests, written out because the defaults differ between versions: in 26.7
 * `async_insert` is on, and deduplication through views was off before 26.2. `max_partitions_per_insert_block`
 * refuses a block of more than 100 months rather than splitting it.
 */
const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  materialized_views_ignore_errors: 0,
  // Merging equal keys at insert costs more than it saves, and a block would not be what its token names.
  optimize_on_insert: 0,
  // One insert is one block, for the table and for every view.
  max_insert_block_size: String(RAW_BLOCK_ROWS_MAX),
  min_insert_block_size_rows: String(RAW_BLOCK_ROWS_MAX),
  min_insert_block_size_bytes: BLOCK_BYTES_UNBOUNDED,
  min_insert_block_size_rows_for_materialized_views: String(RAW_BLOCK_ROWS_MAX),
  min_insert_block_size_bytes_for_materialized_views: BLOCK_BYTES_UNBOUNDED,
  // Without effect but on replicated tables, where an answer means that most replicas have the block.
  insert_quorum: 'auto',
  insert_quorum_timeout: INSERT_QUORUM_MS,
  max_partitions_per_insert_block: '100',
  throw_on_max_partitions_per_insert_block: 1,
  // Six small queries of the views are planned with every insert: by the older analyzer in 42 ms of CPU instead of 57 (200
  // rows, 26.7, 2026-11-24). To be measured again with another server.
  enable_analyzer: 0,
  // The status line is sent when all is stored: a 200 before that would not be an answer.
  wait_end_of_query: 1,
  send_progress_in_http_headers: 0,
  timeout_overflow_mode: 'throw',
};

/**
 * Sends one block and resolves when the table and all its views have it. Throws `StoreError`; after a retryable one
 * the block may or may not be stored, and sending it again under the same token is safe.
 */
export async function insertBlock(insert: BlockInsert): Promise<void> {
  const deadline = AbortSignal.timeout(insert.deadlineMs);
  const names = insert.columns.map((column) => column.name).join(', ');
  const pieces = Buffer.isBuffer(insert.bytes) ? [insert.bytes] : insert.bytes;
  try {
    const answer = await insert.client.exec({
      query: `INSERT INTO ${insert.table} (${names}) FORMAT ${insert.format ?? 'RowBinary'}`,
      values: Readable.from(pieces, { objectMode: false }),
      abort_signal: deadline,
      clickhouse_settings: {
        ...INSERT_SETTINGS,
        max_execution_time: Math.max(1, Math.floor(insert.deadlineMs / MILLISECONDS_PER_SECOND)),
        ...(insert.token === null
          ? { insert_deduplicate: 0, deduplicate_insert: 'disable' }
          : { insert_deduplication_token: insert.token }),
      },
    });
    const body = await text(answer.stream);
    if (body !== '' || answer.response_headers['x-clickhouse-exception-code'] !== undefined) {
      throw new StoreError('incomplete_answer', 'ClickHouse answered an insert with something', {
        retryable: true,
      });
    }
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}
