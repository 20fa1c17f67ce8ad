import { describe, expect, it } from 'vitest';
import { keepHeartbeats } from './heartbeats.ts';

/** Beats until one fails in each of the given ways, in order; the last of them goes on. */
function failing(...types: readonly string[]) {
  const seen = { beats: 0 };
  const heartbeat = async () => {
    const type = types[Math.min(seen.beats, types.length - 1)];
    seen.beats += 1;
    throw Object.assign(new Error(type), { type });
  };
  return { seen, heartbeat };
}

async function beaten(seen: { beats: number }, beats: number): Promise<void> {
  while (seen.beats < beats) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('keepHeartbeats', () => {
  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])('knows that it is out at %s', async (type) => {
    const { seen, heartbeat } = failing('NETWORK', type);
    const heartbeats = keepHeartbeats(heartbeat, 1);
    await beaten(seen, 2);
    heartbeats.stop();
    expect(heartbeats.fenced.aborted).toBe(true);
  });

  it('goes on over a rebalance and over failures of the network, until it is stopped', async () => {
    const { seen, heartbeat } = failing('REBALANCE_IN_PROGRESS', 'NETWORK');
    const heartbeats = keepHeartbeats(heartbeat, 1);
    await beaten(seen, 3);
    heartbeats.stop();
    expect(heartbeats.fenced.aborted).toBe(false);
    const { beats } = seen;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.beats).toBe(beats);
  });
});
