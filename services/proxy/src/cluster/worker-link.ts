import { type Readiness, type Registry, readSnapshot } from '@meterstone/runtime';
import { isMetricsQuestion, type WorkerMessage } from './worker-message.ts';

export interface WorkerLinkOptions {
  readonly registry: Registry;
  readonly readiness: () => Readiness;
  /** This process; it was forked and can send. */
  readonly self: Pick<NodeJS.Process, 'send' | 'on'>;
}

/** How often a worker says that it is there, and whether it is ready. */
export const STATUS_PERIOD_MS = 500;

/** Tells the primary from now on how this worker is, and answers its questions. Called once the worker listens. */
export function linkToPrimary({ registry, readiness, self }: WorkerLinkOptions): void {
  // A primary that is gone ends its workers; until that is known, nothing can be sent.
  const send = (message: WorkerMessage) => self.send?.(message, undefined, undefined, () => undefined);
  const tell = () => send({ type: 'status', ...readiness() });
  setInterval(tell, STATUS_PERIOD_MS).unref();
  tell();
  self.on('message', (message: unknown) => {
    if (!isMetricsQuestion(message)) return;
    const { id } = message;
    // Without an answer the primary goes on after a while.
    readSnapshot(registry).then(
      (snapshot) => send({ type: 'metrics', id, snapshot }),
      () => undefined,
    );
  });
}
