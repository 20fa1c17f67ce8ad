import { summarize } from './rounds.ts';

const BYTES = 64 * 2 ** 20;
const COPIES = 9;

/**
 * GB a second that this machine copies in memory at the moment, median of a few copies that no cache holds. On shared
 * hosts it differs several times over within an hour, while no CPU is stolen: what is bound by memory follows it.
 */
export function memoryCopyGigabytes(): number {
  const [from, to] = [Buffer.alloc(BYTES, 1), Buffer.alloc(BYTES, 2)];
  const speeds = Array.from({ length: COPIES }, () => {
    const startedAt = performance.now();
    from.copy(to);
    return BYTES / (performance.now() - startedAt) / 1e6;
  });
  return summarize(speeds).median;
}
