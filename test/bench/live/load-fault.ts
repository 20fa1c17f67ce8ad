import type { TopicLoadRun } from './topic-load.ts';

const SHARE_MIN = 0.98;
const BEHIND_MS_MAX = 500;

/** Why a load was less than it was asked for, so that what was seen under it is no figure; `null` = it was enough. */
export function loadFault({ events, seconds, behindMsMax }: TopicLoadRun, asked: number): string | null {
  const share = events / seconds / asked;
  if (share >= SHARE_MIN && behindMsMax <= BEHIND_MS_MAX) return null;
  const sent = `${Math.round(share * 100)} % of ${Math.round(asked)} events/s`;
  return `the generator sent ${sent}, at worst ${Math.round(behindMsMax)} ms late: it was the limit`;
}
