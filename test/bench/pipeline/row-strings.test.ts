import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutStrings } from './row-strings.ts';

function lengthOf(value: Uint8Array): Buffer {
  const bytes: number[] = [];
  for (let rest = value.length; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function cut(bytes: Buffer, size: number): Promise<Buffer[]> {
  const strings: Buffer[] = [];
  for await (const text of cutStrings(inPieces(bytes, size))) strings.push(Buffer.from(text));
  return strings;
}

test('strings come out whole, however they are cut on the way', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 700 }),
      async (values, size) => {
        const bytes = Buffer.concat(values.flatMap((value) => [lengthOf(value), Buffer.from(value)]));
        expect(await cut(bytes, size)).toEqual(values.map((value) => Buffer.from(value)));
      },
    ),
  );
});

test('half a string at the end is an error', async () => {
  await expect(cut(Buffer.from([5, 1, 2]), 1)).rejects.toThrow('3 bytes of a string were left over');
});
