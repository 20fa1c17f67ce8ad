import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildExit, Supervised } from '@meterstone/local-stack';
import { describe, expect, it } from 'vitest';
import { describeEnd, nextPauseMs, startKeptProcess } from './kept-process.ts';

/** A child that ends when it is told to. */
function fakeChild(pid: number) {
  const { promise, resolve } = Promise.withResolvers<ChildExit>();
  const end = (exit: Partial<ChildExit> = {}) =>
    resolve({ code: null, signal: null, guardianLost: false, ...exit });
  const child: Supervised = {
    name: 'proxy',
    pid,
    guardianPid: pid + 1,
    exit: promise,
    kill: () => {},
    stop: async () => {
      end({ signal: 'SIGTERM' });
      return promise;
    },
  };
  return { child, end };
}

function keptFakes() {
  const children: ReturnType<typeof fakeChild>[] = [];
  const ends: string[] = [];
  const kept = startKeptProcess({
    name: 'proxy',
    start: () => {
      const one = fakeChild(10 * (children.length + 1));
      children.push(one);
      return one.child;
    },
    onEnd: (how) => ends.push(how),
    now: () => 0,
  });
  return { kept, children, ends };
}

describe('a kept process', () => {
  it('is started again when it ends', async () => {
    const { kept, children, ends } = keptFakes();
    kept.keep();
    expect(kept.pids()).toEqual({ proxy: 10, 'proxy-guardian': 11 });
    children[0]?.end({ signal: 'SIGKILL' });
    await expect.poll(() => kept.pids()).toEqual({ proxy: 20, 'proxy-guardian': 21 });
    expect(ends).toEqual(['SIGKILL']);
    await kept.stop(0);
  });

  it('leaves an end before that to the caller', async () => {
    const { kept, children } = keptFakes();
    children[0]?.end({ code: 1 });
    expect(await kept.firstEnd).toMatchObject({ code: 1 });
    await sleep(0);
    expect(children).toHaveLength(1);
  });

  it('stays down when it was stopped, also while it waits for its next start', async () => {
    const { kept, children, ends } = keptFakes();
    kept.keep();
    children[0]?.end({ code: 1 });
    await expect.poll(() => ends).toEqual(['status 1']);
    await kept.stop(0);
    await sleep(20);
    expect(children).toHaveLength(1);
  });
});

it('waits longer the more often a process ends right after its start, within a bound', () => {
  expect(nextPauseMs(0, 100)).toBe(500);
  expect(nextPauseMs(500, 100)).toBe(1_000);
  expect(nextPauseMs(8_000, 100)).toBe(10_000);
  expect(nextPauseMs(8_000, 60_000)).toBe(500);
});

it.each([
  [{ code: 1, signal: null, guardianLost: false }, 'status 1'],
  [{ code: null, signal: 'SIGKILL', guardianLost: false }, 'SIGKILL'],
  [{ code: null, signal: 'SIGTERM', guardianLost: true }, 'its guardian was killed'],
  [{ code: null, signal: null, guardianLost: false }, 'it could not be started'],
] as const)('says how %o ended', (exit, words) => {
  expect(describeEnd(exit)).toBe(words);
});
