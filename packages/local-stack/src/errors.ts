/**
 * Why the local stack could not do what it was asked.
 *
 * - `port_in_use`: another process listens on a port that was asked for; nothing was started.
 * - `already_running`: a living parent still runs a stack in this folder; nothing was started or stopped.
 * - `java_missing`, `java_too_old`, `maven_missing`, `clickhouse_missing`, `node_too_old`: something must be
 *   installed; the message says what.
 * - `fetch_failed`: Maven ran and could not bring Kafka's jars.
 * - `format_failed`: Kafka's storage tool refused the data folder.
 * - `start_failed`: a server ended, or did not answer before its deadline; the message ends with its log's tail.
 */
export type StackErrorCode =
  | 'port_in_use'
  | 'already_running'
  | 'java_missing'
  | 'java_too_old'
  | 'maven_missing'
  | 'clickhouse_missing'
  | 'node_too_old'
  | 'fetch_failed'
  | 'format_failed'
  | 'start_failed';

/** An error of the local stack; `retryable` says whether the same call can succeed with nothing changed. */
export class StackError extends Error {
  readonly code: StackErrorCode;
  readonly retryable: boolean;

  constructor(code: StackErrorCode, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StackError';
    this.code = code;
    this.retryable = options.retryable;
  }
}
