import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generationIdToUuid, uuidBytes, uuidText, uuidToGenerationId } from './event-id.ts';

const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('event ids', () => {
  it('have the UUID text form', () => {
    const bytes = uuidBytes('0192a6c5-7c3e-7b1a-9f00-0123456789ab');
    expect(bytes).toHaveLength(16);
    expect(uuidText(bytes ?? new Uint8Array())).toBe('0192a6c5-7c3e-7b1a-9f00-0123456789ab');
  });

  it('have the ULID form as generation ids', () => {
    // The ends of the ULID space, and the specification's example 01ARZ3NDEKTSV4RRFFQ69G5FAV.
    expect(uuidToGenerationId(new Uint8Array(16))).toBe('gen_00000000000000000000000000');
    expect(uuidToGenerationId(new Uint8Array(16).fill(255))).toBe('gen_7ZZZZZZZZZZZZZZZZZZZZZZZZZ');
    const example = uuidBytes('01563e3a-b5d3-d676-4c61-efb99302bd5b') ?? new Uint8Array();
    expect(uuidToGenerationId(example)).toBe('gen_01ARZ3NDEKTSV4RRFFQ69G5FAV');
  });

  it('come back from both forms', () => {
    fc.assert(
      fc.property(anyId, (bytes) => {
        expect(generationIdToUuid(uuidToGenerationId(bytes))).toEqual(bytes);
        expect(uuidBytes(uuidText(bytes))).toEqual(bytes);
      }),
    );
  });

  it('sort as generation ids as they sort as bytes', () => {
    fc.assert(
      fc.property(
        anyId,
        anyId,
        (a, b) => uuidText(a) < uuidText(b) === uuidToGenerationId(a) < uuidToGenerationId(b),
      ),
    );
  });

  it.each([
    '',
    'gen_',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'gen_01arz3ndektsv4rrffq69g5fav',
    'gen_81ARZ3NDEKTSV4RRFFQ69G5FAV',
    'gen_01ARZ3NDEKTSV4RRFFQ69G5FAI',
    'gen_01ARZ3NDEKTSV4RRFFQ69G5FA',
    'gen_01ARZ3NDEKTSV4RRFFQ69G5FAVV',
  ])('%j is no generation id', (text) => {
    expect(generationIdToUuid(text)).toBeNull();
  });

  it.each(['', '0192a6c57c3e7b1a9f000123456789ab', '0192A6C5-7C3E-7B1A-9F00-0123456789AB'])(
    '%j is no id',
    (text) => {
      expect(uuidBytes(text)).toBeNull();
    },
  );
});
