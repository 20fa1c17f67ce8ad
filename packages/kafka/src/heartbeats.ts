/** Heartbeats that go on while a member lets its work end before it joins the group again. */
export interface Heartbeats {
  /** Aborts when this member is out: its Kafka partitions may have an heir already. */
  readonly fenced: AbortSignal;
  stop(): void;
}

/**
 * Sends heartbeats every `intervalMs` until stopped. That the group rebalances is known already, and a failure of the
 * network is left to the next one: if none gets through, the broker ends the session, and a later one learns of it.
 */
export function keepHeartbeats(heartbeat: () => Promise<void>, intervalMs: number): Heartbeats {
  const fenced = new AbortController();
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      const type = error instanceof Error && 'type' in error ? error.type : null;
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION') {
        fenced.abort(error);
      }
    });
  }, intervalMs);
  return { fenced: fenced.signal, stop: () => clearInterval(timer) };
}
