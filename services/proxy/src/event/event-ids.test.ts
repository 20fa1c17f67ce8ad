import { randomFillSync } from 'node:crypto';
import { generationIdToUuid, uuidText, uuidToGenerationId } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventIds } from './event-ids.ts';

const EPOCH_MS_MAX = 2 ** 48 - 1;

describe('making event ids', () => {
  it('gives a UUIDv7 of the instant, and the texts that metering gives', () => {
    fc.assert(
      fc.property(fc.nat(EPOCH_MS_MAX), fc.uint8Array({ minLength: 10, maxLength: 10 }), (now, seed) => {
        const makeId = createEventIds({
          random: (bytes) => bytes.set(bytes.map((_, index) => seed[index % 10] ?? 0)),
        });
        const { bytes, uuid, generationId } = makeId(now);
        expect(bytes.readUIntBE(0, 6)).toBe(now);
        expect(uuid).toBe(uuidText(bytes));
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(generationId).toBe(uuidToGenerationId(bytes));
        expect(generationIdToUuid(generationId)).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it('uses no randomness twice', () => {
    let calls = 0;
    const makeId = createEventIds({
      random: (bytes) => {
        calls++;
        randomFillSync(bytes);
      },
    });
    const ids = Array.from({ length: 1000 }, () => makeId(1).uuid);
    expect(new Set(ids).size).toBe(1000);
    expect(calls).toBe(4);
  });
});
