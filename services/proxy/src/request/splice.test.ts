import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBodyFacts, stripModelPrefix } from './body-facts.ts';
import { askForUsage } from './include-usage.ts';
import { applySplices } from './splice.ts';

type Json = Record<string, unknown>;

/** Key and value as text, so that a body can hold one key twice, which no object in memory can. */
type Member = readonly [key: string, value: string];

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string().map((text) => `"\\${text}"`),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const names = fc.constantFrom(
  ...[
    'model',
    'stream',
    'user',
    'stream_options',
    'providerOptions',
    'gateway',
    'include_usage',
    'data',
    'x',
  ],
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(names, fc.string()), tie('value'), { maxKeys: 4 }),
  ),
}));
const gateway = fc.oneof(
  fc.constant(null),
  fc.record(
    { user: fc.string(), tags: fc.array(fc.string(), { maxLength: 3 }), only: anyValue },
    { requiredKeys: [] },
  ),
);

function written(text: string, escaped: boolean): string {
  return escaped
    ? `"${[...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
    : JSON.stringify(text);
}

function member(key: string, value: fc.Arbitrary<string>): fc.Arbitrary<Member> {
  return fc.tuple(fc.boolean(), value).map(([escaped, text]) => [written(key, escaped), text] as const);
}

function object(members: fc.Arbitrary<readonly Member[]>): fc.Arbitrary<string> {
  return fc
    .tuple(members, space, space, space)
    .map(
      ([all, a, b, c]) => `{${all.map(([key, value]) => `${a}${key}${b}:${c}${value}${a}`).join(',')}${b}}`,
    );
}

const json = anyValue.map((value) => JSON.stringify(value));
const options = object(
  fc.array(
    fc.oneof(
      member(
        'gateway',
        gateway.map((value) => JSON.stringify(value)),
      ),
      member('anthropic', json),
    ),
    { maxLength: 4 },
  ),
);
const streamOptions = fc.oneof(
  fc.constant('null'),
  object(
    fc.array(
      fc.oneof(member('include_usage', fc.constantFrom('true', 'false', 'null')), member('extra', json)),
      { maxLength: 3 },
    ),
  ),
);
const body = object(
  fc.array(
    fc.oneof(
      member(
        'providerOptions',
        fc.oneof(
          options,
          json.filter((text) => !text.includes('gateway')),
        ),
      ),
      member('stream_options', streamOptions),
      member('stream', fc.constantFrom('true', 'false', 'null')),
      member('model', fc.constantFrom('"openai/gpt-5"', '"openai\\/gpt-5"', '"\\u006fpenai/a/b"')),
      fc.tuple(fc.string(), json).map(([key, value]) => [JSON.stringify(key), value] as const),
      member('messages', json),
    ),
    { maxLength: 8 },
  ),
);

function factsOf(text: string) {
  const facts = readBodyFacts(Buffer.from(text));
  if (facts === null) {
    throw new Error(`no facts of ${text}`);
  }
  return facts;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same change made on the parsed body: the oracle. */
function withoutGateway(parsed: Json): Json {
  const copy = structuredClone(parsed);
  const given = copy['providerOptions'];
  if (isObject(given) && Object.hasOwn(given, 'gateway')) {
    delete given['gateway'];
    if (Object.keys(given).length === 0) {
      delete copy['providerOptions'];
    }
  }
  return copy;
}

describe('splicing a body', () => {
  it('takes out exactly providerOptions.gateway, whatever stands around it', () => {
    fc.assert(
      fc.property(body, (text) => {
        const facts = factsOf(text);
        const spliced = applySplices(facts.body, facts.gateway?.splices ?? []).toString();
        expect(JSON.parse(spliced)).toEqual(withoutGateway(JSON.parse(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it('adds exactly stream_options.include_usage', () => {
    fc.assert(
      fc.property(body, (text) => {
        const facts = factsOf(text);
        const parsed = JSON.parse(text) as Json;
        const splices = askForUsage(facts);
        const given = parsed['stream_options'] as Json | null | undefined;
        if (parsed['stream'] !== true || given?.['include_usage'] === true) {
          expect(splices).toBeNull();
          return;
        }
        const spliced = applySplices(facts.body, splices ?? []).toString();
        expect(JSON.parse(spliced)).toEqual({ ...parsed, stream_options: { ...given, include_usage: true } });
      }),
      { numRuns: 2000 },
    );
  });

  it("takes a provider's prefix off the model, however it is escaped", () => {
    fc.assert(
      fc.property(body, (text) => {
        const facts = factsOf(text);
        const parsed = JSON.parse(text) as Json;
        const spliced = JSON.parse(
          applySplices(facts.body, stripModelPrefix(facts, 'openai')).toString(),
        ) as Json;
        const model = parsed['model'];
        expect(facts.model).toBe(model ?? null);
        expect(spliced).toEqual(
          typeof model === 'string' ? { ...parsed, model: model.slice('openai/'.length) } : parsed,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('does all changes at once', () => {
    fc.assert(
      fc.property(body, (text) => {
        const facts = factsOf(text);
        const splices = [
          ...(facts.gateway?.splices ?? []),
          ...(askForUsage(facts) ?? []),
          ...stripModelPrefix(facts, 'openai'),
        ];
        const spliced = JSON.parse(applySplices(facts.body, splices).toString()) as Json;
        const expected = withoutGateway(JSON.parse(text));
        if (typeof expected['model'] === 'string') {
          expected['model'] = expected['model'].slice('openai/'.length);
        }
        if (expected['stream'] === true) {
          expected['stream_options'] = { ...(expected['stream_options'] as Json), include_usage: true };
        }
        expect(spliced).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves every other byte where it was', () => {
    const text =
      '{ "model" : "m",\n "providerOptions": {"gateway": {"user":"u"}} , "n": 1.50, "s":"\\u00e9" }';
    const facts = factsOf(text);
    expect(applySplices(facts.body, facts.gateway?.splices ?? []).toString()).toBe(
      '{ "model" : "m" , "n": 1.50, "s":"\\u00e9" }',
    );
  });

  it('gives the body itself when there is nothing to do', () => {
    const { body: bytes } = factsOf('{"model":"m"}');
    expect(applySplices(bytes, [])).toBe(bytes);
  });
});
