import { expect, it } from 'vitest';
import { askUntil, type Clock, settledWithin } from './clock.ts';

/** A clock that moves only when somebody sleeps. */
function sleepingClock(): Clock {
  let now = 1_000;
  return {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
}

const never = new Promise<never>(() => {});

it('asks until the answer comes', async () => {
  const clock = sleepingClock();
  let left = 3;
  const ask = async (): Promise<void> => {
    left -= 1;
    if (left > 0) throw new Error('not yet');
  };
  expect(await askUntil(ask, { clock, deadline: 2_000, pauseMs: 100, gaveUp: () => false })).toBeNull();
  expect(clock.now()).toBe(1_200);
});

it('returns the last problem once the deadline has passed', async () => {
  const clock = sleepingClock();
  const ask = (): Promise<void> => Promise.reject(new Error(`asked at ${clock.now()}`));
  const problem = await askUntil(ask, { clock, deadline: 1_250, pauseMs: 100, gaveUp: () => false });
  expect(problem).toEqual(new Error('asked at 1200'));
});

it('gives up at once when there is nobody left to ask', async () => {
  const clock = sleepingClock();
  const problem = await askUntil(() => never, { clock, deadline: 9_000, pauseMs: 100, gaveUp: () => true });
  expect(problem).toBeInstanceOf(Error);
  expect(clock.now()).toBe(1_000);
});

it('tells what settled in time, failed or not, from what did not', async () => {
  const waiting: Clock = { now: () => 0, sleep: () => never };
  expect(await settledWithin(Promise.resolve(), 10, waiting)).toBe(true);
  expect(await settledWithin(Promise.reject(new Error('failed')), 10, waiting)).toBe(true);
  expect(await settledWithin(never, 10, sleepingClock())).toBe(false);
});
