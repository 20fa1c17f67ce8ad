import { ClickHouseError } from '@clickhouse/client';
import { StoreError } from './errors.ts';

/**
 * ClickHouse error numbers after which the same statement may succeed unchanged (ClickHouse
 * `src/Common/ErrorCodes.cpp`, read 2026-11-24).
 */
const RETRYABLE_SERVER_CODES: ReadonlySet<string> = new Set([
  '159', // TIMEOUT_EXCEEDED
  '160', // TOO_SLOW
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '203', // NO_FREE_CONNECTION
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '319', // UNKNOWN_STATUS_OF_INSERT
  '394', // QUERY_WAS_CANCELLED
  '425', // SYSTEM_ERROR
  '999', // KEEPER_EXCEPTION
]);

/** Whatever a call of the ClickHouse client threw, as one of our coded errors, with the original as its cause. */
export function toStoreError(thrown: unknown, deadline: AbortSignal): StoreError {
  if (thrown instanceof StoreError) return thrown;
  if (thrown instanceof ClickHouseError) {
    const retryable = RETRYABLE_SERVER_CODES.has(thrown.code);
    const code = retryable ? 'server_busy' : 'server_refused';
    const message = `ClickHouse refused: ${thrown.type ?? 'unknown'} (${thrown.code})`;
    return new StoreError(code, message, { retryable, cause: thrown, serverCode: thrown.code });
  }
  if (deadline.aborted) {
    return new StoreError('deadline_exceeded', 'ClickHouse did not answer within the deadline', {
      retryable: true,
      cause: thrown,
    });
  }
  return new StoreError('unreachable', 'no complete answer from ClickHouse', {
    retryable: true,
    cause: thrown,
  });
}
