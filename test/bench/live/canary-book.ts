/** What is known of requests that each should show in a report: when they were answered, and when they were seen. */
export interface CanaryBook {
  /** A request under this key was answered, whole. Milliseconds of one clock, here and below. */
  answered(key: string, at: number): void;
  /** A report that came back shows so many requests, by key. */
  reported(counts: ReadonlyMap<string, number>, at: number): void;
  /** Delays of the requests that were seen since it was last asked, milliseconds. */
  take(): readonly number[];
  /** Answered and not seen yet. */
  readonly unseen: number;
}

/**
 * Requests under one key are seen in the order in which they were answered: a key's turn comes round again only after
 * seconds.
 */
export function createCanaryBook(): CanaryBook {
  const waiting = new Map<string, number[]>();
  const seen = new Map<string, number>();
  /** Seen before their answer was noted: a report can be quicker than an event of the socket. */
  const early = new Map<string, number>();
  let delays: number[] = [];
  return {
    answered(key, at) {
      const before = early.get(key) ?? 0;
      if (before > 0) {
        early.set(key, before - 1);
        delays.push(0);
        return;
      }
      waiting.set(key, [...(waiting.get(key) ?? []), at]);
    },
    reported(counts, at) {
      for (const [key, count] of counts) {
        const more = count - (seen.get(key) ?? 0);
        if (more <= 0) continue;
        seen.set(key, count);
        const queue = waiting.get(key) ?? [];
        const shown = queue.splice(0, more);
        for (const answeredAt of shown) delays.push(at - answeredAt);
        early.set(key, (early.get(key) ?? 0) + more - shown.length);
      }
    },
    take() {
      const taken = delays;
      delays = [];
      return taken;
    },
    get unseen() {
      return [...waiting.values()].reduce((sum, queue) => sum + queue.length, 0);
    },
  };
}
