import { describe, expect, it } from 'vitest';
import { keepHeartbeats } from './heartbeats.ts';

function failing(type: string): () => Promise<void> {
  return async () => {
    throw Object.assign(new Error(type), { type });
  };
}

async function changeOf(heartbeat: () => Promise<void>) {
  const heartbeats = keepHeartbeats(heartbeat, 1);
  await new Promise((resolve) => heartbeats.groupChanged.addEventListener('abort', resolve));
  heartbeats.stop();
  return heartbeats;
}

describe('keepHeartbeats', () => {
  it('goes on until it is stopped', async () => {
    let beats = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const heartbeats = keepHeartbeats(async () => {
      beats += 1;
      if (beats === 3) {
        resolve();
      }
    }, 1);
    await promise;
    heartbeats.stop();
    expect(heartbeats).toMatchObject({ fenced: false, groupChanged: { aborted: false } });
  });

  it('tells of a rebalance, with the error that kafkajs wants to see', async () => {
    const heartbeats = await changeOf(failing('REBALANCE_IN_PROGRESS'));
    expect(heartbeats.groupChanged.reason).toMatchObject({ type: 'REBALANCE_IN_PROGRESS' });
    expect(heartbeats.fenced).toBe(false);
  });

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])('knows that it is out at %s', async (type) => {
    expect((await changeOf(failing(type))).fenced).toBe(true);
  });

  it('leaves a failure of the network to the next heartbeat', async () => {
    let beats = 0;
    const heartbeats = await changeOf(async () => {
      beats += 1;
      throw Object.assign(new Error('broken'), beats < 3 ? {} : { type: 'REBALANCE_IN_PROGRESS' });
    });
    expect(beats).toBeGreaterThanOrEqual(3);
    expect(heartbeats.fenced).toBe(false);
  });
});
