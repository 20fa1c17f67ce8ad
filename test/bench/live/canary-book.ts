/** What is known of requests that each should show in a report: when they were answered, and when they were seen. */
export interface CanaryBook {
  /** A request of this user was answered, whole. Milliseconds of one clock, here and below. */
  answered(user: string, at: number): void;
  /** A report that came back shows so many requests, by user. */
  reported(counts: ReadonlyMap<string, number>, at: number): void;
  /** Delays of the requests that were seen since it was last asked, milliseconds. */
  take(): readonly number[];
  /** Answered and not seen yet. */
  readonly unseen: number;
}

/**
 * Requests of one user are seen in the order in which they were answered: a user's turn comes round again only after
 * seconds.
 */
export function createCanaryBook(): CanaryBook {
  const waiting = new Map<string, number[]>();
  const seen = new Map<string, number>();
  /** Seen before their answer was noted: a report can be quicker than an event of the socket. */
  const early = new Map<string, number>();
  let delays: number[] = [];
  return {
    answered(user, at) {
      const before = early.get(user) ?? 0;
      if (before > 0) {
        early.set(user, before - 1);
        delays.push(0);
        return;
      }
      waiting.set(user, [...(waiting.get(user) ?? []), at]);
    },
    reported(counts, at) {
      for (const [user, count] of counts) {
        const more = count - (seen.get(user) ?? 0);
        if (more <= 0) continue;
        seen.set(user, count);
        const queue = waiting.get(user) ?? [];
        const shown = queue.splice(0, more);
        for (const answeredAt of shown) delays.push(at - answeredAt);
        early.set(user, (early.get(user) ?? 0) + more - shown.length);
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
