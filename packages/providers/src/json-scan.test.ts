import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEmptyArray, scanDocument, scanMembers } from './json-scan.ts';
import { parseMember } from './json-value.ts';

const NAMES = ['usage', 'id', 'model', 'choices', 'service_tier'];
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Objects whose names, strings and depths are full of decoys. */
const decoyText = fc.oneof(
  fc.constantFrom(
    'usage',
    '"usage":{"prompt_tokens":1}',
    '\\"usage\\":{',
    '\\',
    '\\\\"',
    '"',
    '{',
    ']',
    '}',
    '',
  ),
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 30, maxLength: 120 }),
);
const decoyName = fc.oneof(fc.constantFrom(...NAMES, '__proto__', 'x\\"usage'), decoyText);
const { value: decoyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -1.5e-7, 1e21),
    decoyText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(decoyName, tie('value'), { maxKeys: 5 }),
  ),
}));
const decoyObject = fc.dictionary(decoyName, decoyValue, { maxKeys: 8 });

describe('scanDocument', () => {
  it('finds in any JSON object exactly the members that a full parse finds', () => {
    fc.assert(
      fc.property(decoyObject, fc.constantFrom(undefined, 1, '\t'), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const bytes = bytesOf(` \r\n${text}\n`);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const members = scanDocument(bytes, NAMES);
        for (const name of NAMES) {
          const expected = Object.hasOwn(parsed, name) ? parsed[name] : undefined;
          expect(members === null ? 'no object' : parseMember(bytes, members, name)).toEqual(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds in the first object of a list exactly what a full parse finds, and nothing in later ones', () => {
    const list = fc.array(fc.oneof(decoyObject, decoyValue), { maxLength: 3 });
    fc.assert(
      fc.property(list, decoyValue, (choices, tail) => {
        const bytes = bytesOf(JSON.stringify({ id: 1, choices, usage: tail }));
        const members = scanDocument(bytes, NAMES, { list: 'choices', names: ['model'] }) ?? new Map();
        const first: unknown = JSON.parse(JSON.stringify(choices))[0];
        const isObject = typeof first === 'object' && first !== null && !Array.isArray(first);
        const expected = isObject && Object.hasOwn(first, 'model') ? Reflect.get(first, 'model') : undefined;
        expect(parseMember(bytes, members, 'choices.model')).toEqual(expected);
        expect(parseMember(bytes, members, 'usage')).toEqual(JSON.parse(JSON.stringify(tail)));
      }),
    );
  });

  it('forgets the first of two lists of one name, as a parse does', () => {
    const bytes = bytesOf('{"choices":[{"model":1}],"choices":[{"id":2}]}');
    const members = scanDocument(bytes, ['choices'], { list: 'choices', names: ['model', 'id'] });
    expect([...(members?.keys() ?? [])]).toEqual(['choices', 'choices.id']);
  });

  it('finds the same in a Buffer as in plain bytes', () => {
    fc.assert(
      fc.property(decoyObject, (object) => {
        const text = JSON.stringify(object);
        expect(scanDocument(Buffer.from(text), NAMES)).toEqual(scanDocument(bytesOf(text), NAMES));
      }),
    );
  });

  it('answers null to any JSON that is no object, and throws at no bytes', () => {
    fc.assert(
      fc.property(fc.json(), fc.uint8Array({ maxLength: 200 }), (json, noise) => {
        if (!json.startsWith('{')) expect(scanDocument(bytesOf(json), NAMES)).toBeNull();
        scanDocument(noise, NAMES);
      }),
    );
  });

  it('answers null to an object that was cut off anywhere', () => {
    const text = '{"id":"a\\"}","choices":[{"x":"}"}],"usage":{"prompt_tokens":3}}';
    for (let length = 0; length < text.length; length += 1) {
      expect(scanDocument(bytesOf(text.slice(0, length)), NAMES)).toBeNull();
    }
    expect(scanDocument(bytesOf(`${text} {}`), NAMES)).toBeNull();
  });

  it('takes the last of repeated members and sees through escaped names, as a parse does', () => {
    const bytes = bytesOf('{"model":"a","us\\u0061ge":{"n":1},"model":"b"}');
    const members = scanDocument(bytes, NAMES) ?? new Map();
    expect(parseMember(bytes, members, 'model')).toBe('b');
    expect(parseMember(bytes, members, 'usage')).toEqual({ n: 1 });
  });

  it('skips a byte order mark', () => {
    expect(scanDocument(bytesOf('\ufeff{"id":1}'), NAMES)?.get('id')).toEqual({ start: 9, end: 10 });
  });

  it('walks nesting of any depth', () => {
    const deep = `{"x":${'['.repeat(200_000)}${']'.repeat(200_000)},"id":7}`;
    const bytes = bytesOf(deep);
    expect(parseMember(bytes, scanDocument(bytes, NAMES) ?? new Map(), 'id')).toBe(7);
  });
});

describe('scanMembers', () => {
  it('starts at the given object and stops at its end', () => {
    const bytes = bytesOf('{"a":{"id":1},"id":2}');
    const inner = scanMembers(bytes, ['id'], 5);
    expect(inner === null ? null : parseMember(bytes, inner, 'id')).toBe(1);
  });

  it('knows an empty list from any other value', () => {
    const bytes = bytesOf('{"a":[ ],"b":[1],"c":[[]],"d":"[]"}');
    const members = scanMembers(bytes, ['a', 'b', 'c', 'd']) ?? new Map();
    const empty = [...members].filter(([, span]) => isEmptyArray(bytes, span)).map(([name]) => name);
    expect(empty).toEqual(['a']);
  });
});
