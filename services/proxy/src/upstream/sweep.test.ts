import { describe, expect, it } from 'vitest';
import { createSweep, type Swept } from './sweep.ts';

function sweptInto(seen: string[], name: string, onStop: (swept: Swept) => void = () => {}): Swept {
  const swept: Swept = {
    sweepIndex: -1,
    onSweep: () => void seen.push(name),
    onStop: () => onStop(swept),
  };
  return swept;
}

describe('the sweep', () => {
  it('tells those that are on its list, in whatever order they left', async () => {
    const seen: string[] = [];
    const sweep = createSweep({ periodMs: 1, monotonicMs: () => performance.now() });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => sweptInto(seen, name));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were made');
    for (const swept of [a, b, c]) sweep.add(swept);
    sweep.remove(a);
    sweep.remove(c);
    sweep.add(a);
    const before = sweep.nowMs;
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    sweep.close();
    expect(seen.slice(0, 2).toSorted()).toEqual(['a', 'b']);
    expect(sweep.nowMs).toBeGreaterThan(before);
  });

  it('stops all, also when each leaves the list at that', () => {
    const sweep = createSweep({ periodMs: 1000, monotonicMs: () => 0 });
    const stopped: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      sweep.add(
        sweptInto([], name, (swept) => {
          stopped.push(name);
          sweep.remove(swept);
        }),
      );
    }
    sweep.stopAll();
    sweep.close();
    expect(stopped.toSorted()).toEqual(['a', 'b', 'c']);
  });
});
