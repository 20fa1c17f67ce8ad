/** Heartbeats that go on while a batch is handled. */
export interface Heartbeats {
  /** Aborts when the group rebalances or this member is no longer in it, with kafkajs's error as its reason. */
  readonly groupChanged: AbortSignal;
  /** This member is out: its Kafka partitions may have an heir already. */
  readonly fenced: boolean;
  stop(): void;
}

/**
 * Sends heartbeats every `intervalMs` until stopped. Failures of the network are left to the next one: if none
 * gets through, the broker ends the session, and a later one learns of it.
 */
export function keepHeartbeats(heartbeat: () => Promise<void>, intervalMs: number): Heartbeats {
  const change = new AbortController();
  let fenced = false;
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      const type = error instanceof Error && 'type' in error ? error.type : null;
      fenced ||= type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION';
      if (fenced || type === 'REBALANCE_IN_PROGRESS') {
        change.abort(error);
      }
    });
  }, intervalMs);
  return {
    groupChanged: change.signal,
    get fenced() {
      return fenced;
    },
    stop: () => clearInterval(timer),
  };
}
