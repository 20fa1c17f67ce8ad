import { describe, expect, it } from 'vitest';
import { Permits } from './permits.ts';

describe('Permits', () => {
  it('lets no more than its number run at the same time, and all of them in the end, in order', async () => {
    const permits = new Permits(2);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const jobs = [1, 2, 3, 4, 5].map((job) =>
      permits.run(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        order.push(job);
      }),
    );
    await Promise.all(jobs);
    expect(most).toBe(2);
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it('gives the place of a job that failed to the next', async () => {
    const permits = new Permits(1);
    const failed = permits.run(async () => {
      throw new Error('broken');
    });
    const second = permits.run(async () => 'done');
    await expect(failed).rejects.toThrow('broken');
    expect(await second).toBe('done');
    expect(await permits.run(async () => 'again')).toBe('again');
  });
});
