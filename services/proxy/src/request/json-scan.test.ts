import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastMember, parseString, scanObject } from './json-scan.ts';

function scan(text: string, ...names: string[]) {
  return scanObject(Buffer.from(text), 0, names);
}

describe('scanning an object', () => {
  it('finds the members asked for at the top level only', () => {
    const text = '{"messages":[{"model":"inner","x":{"model":1}}],"model":"outer"}';
    const found = scan(text, 'model');
    expect(found?.members).toHaveLength(1);
    const [member] = found?.members ?? [];
    expect(text.slice(member?.valueStart, member?.valueEnd)).toBe('"outer"');
    expect(found?.memberCount).toBe(2);
  });

  it('takes the last of two members of one name, as a parser does', () => {
    const text = '{"model":"a","model":"b"}';
    const found = scan(text, 'model');
    const member = found === null ? undefined : lastMember(found, 'model');
    expect(text.slice(member?.valueStart, member?.valueEnd)).toBe('"b"');
  });

  it('finds every value that JSON.parse finds, also behind long text full of escapes', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('"', '\\', 'a', '{', '}', ':', ','), maxLength: 800 }),
    );
    fc.assert(
      fc.property(fc.dictionary(text, fc.jsonValue({ stringUnit: 'binary' })), (value) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const found = scanObject(bytes, 0, ['model', 'data', '']);
        expect(found?.memberCount).toBe(Object.keys(value).length);
        expect(found?.close).toBe(bytes.length - 1);
        for (const { name, valueStart, valueEnd } of found?.members ?? []) {
          expect(JSON.parse(bytes.toString('utf8', valueStart, valueEnd))).toEqual(
            JSON.parse(JSON.stringify(value[name])),
          );
        }
      }),
    );
  });

  it('never throws and never reads past the end, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          fc.tuple(fc.json(), fc.nat(200)).map(([text, length]) => Buffer.from(text).subarray(0, length)),
        ),
        (bytes) => {
          const found = scanObject(bytes, 0, ['model', 'stream']);
          expect(found === null || found.close < bytes.length).toBe(true);
        },
      ),
    );
  });

  it.each([
    '',
    '[]',
    '"a"',
    '{"a":1',
    '{"a"',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{"a":"',
    '{"a":"\\"}',
    '{"a":[1}',
  ])('finds no object in %j', (text) => {
    expect(scan(text, 'a')).toBeNull();
  });

  it('counts the bytes of text: values, not keys, not the members asked for, not base64', () => {
    const image = 'A'.repeat(1000);
    // "hello" 5 + "user" 4 + "é" 2 + "x" 1; the model is asked for.
    const text = JSON.stringify({
      model: 'a-model',
      system: 'hello',
      messages: [
        { role: 'user', content: ['é', { data: image }, { url: `data:image/png;base64,${image}` }] },
      ],
      data: 'x',
    });
    expect(scan(text, 'model')?.textBytes).toBe(12);
  });
});

describe('reading a string', () => {
  it('resolves escapes and refuses what is no string', () => {
    const bytes = Buffer.from('"a\\/b" 12 "\\x"');
    expect(parseString(bytes, 0, 6)).toBe('a/b');
    expect(parseString(bytes, 7, 9)).toBeNull();
    expect(parseString(bytes, 10, 14)).toBeNull();
  });
});
