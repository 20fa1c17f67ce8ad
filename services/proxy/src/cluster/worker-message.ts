import type { MetricsSnapshot, Readiness } from '@meterstone/runtime';

/** What a worker tells the primary. */
export type WorkerMessage =
  | ({ readonly type: 'status' } & Readiness)
  | { readonly type: 'metrics'; readonly id: number; readonly snapshot: MetricsSnapshot };

/** What the primary asks a worker. */
export interface MetricsQuestion {
  readonly type: 'metrics';
  /** Comes back with the answer. */
  readonly id: number;
}

/** Messages that are others' (Node's, a library's) pass by. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return isTyped(message) && (message.type === 'status' || message.type === 'metrics');
}

export function isMetricsQuestion(message: unknown): message is MetricsQuestion {
  return isTyped(message) && message.type === 'metrics';
}

function isTyped(message: unknown): message is { readonly type: unknown } {
  return typeof message === 'object' && message !== null && 'type' in message;
}
