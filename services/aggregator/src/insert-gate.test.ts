import { describe, expect, it } from 'vitest';
import { InsertGate } from './insert-gate.ts';

const pause = () => new Promise((resolve) => setTimeout(resolve, 2));

describe('the gate of inserts', () => {
  it('lets inserts run side by side, and a verification alone', async () => {
    const gate = new InsertGate();
    let inserting = 0;
    let insertingMost = 0;
    const seen: number[] = [];
    let verifying = 0;
    const insert = () =>
      gate.insert(async () => {
        expect(verifying).toBe(0);
        inserting += 1;
        insertingMost = Math.max(insertingMost, inserting);
        await pause();
        inserting -= 1;
      });
    const verify = () =>
      gate.verify(async () => {
        verifying += 1;
        expect(verifying).toBe(1);
        seen.push(inserting);
        await pause();
        seen.push(inserting);
        verifying -= 1;
      });
    await Promise.all([insert(), insert(), verify(), insert(), verify(), insert()]);
    await Promise.all([verify(), insert()]);
    expect(insertingMost).toBeGreaterThan(1);
    expect(seen).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('goes on after either has failed', async () => {
    const gate = new InsertGate();
    const fail = async () => {
      throw new Error('broken');
    };
    await expect(gate.insert(fail)).rejects.toThrow('broken');
    await expect(gate.verify(fail)).rejects.toThrow('broken');
    expect(await gate.insert(async () => 'in')).toBe('in');
    expect(await gate.verify(async () => 'alone')).toBe('alone');
  });
});
