import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_MARKS, findMarked, markFrame } from './frame-marks.ts';

const { delta, usage, finish, error } = FRAME_MARKS;
const marksOf = (value: unknown, indent?: number) =>
  markFrame(Buffer.from(JSON.stringify(value, null, indent)));
const choice = (fields: object) => ({ choices: [{ index: 0, ...fields }] });

describe('markFrame', () => {
  it.each([
    ['text', choice({ delta: { content: 'a' }, finish_reason: null }), delta],
    ['text that starts with a quote', choice({ delta: { content: '"a' } }), delta],
    ['reasoning', choice({ delta: { reasoning_content: 'a', content: null } }), delta],
    ['reasoning, as Groq spells it', choice({ delta: { reasoning: 'a' } }), delta],
    ['tool arguments', choice({ delta: { tool_calls: [{ function: { arguments: '{' } }] } }), delta],
    ['legacy text', choice({ text: 'a', finish_reason: null }), delta],
    ['a refusal', choice({ delta: { refusal: 'No' } }), delta],
    ['thinking', { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'a' } }, delta],
    ['partial JSON', { type: 'content_block_delta', delta: { partial_json: '{' } }, delta],
    ['a signature', { type: 'content_block_delta', delta: { type: 'signature_delta', signature: 'a' } }, 0],
    ['empty text', choice({ delta: { role: 'assistant', content: '' } }), 0],
    ['null usage', { choices: [], usage: null, error: null }, 0],
    ['usage', { choices: [], usage: { prompt_tokens: 1 } }, usage],
    ['the end', choice({ delta: {}, finish_reason: 'stop' }), finish],
    ['an error', { error: { code: 502 } }, error],
    ['an error in words', { error: 'overloaded' }, error],
    [
      'content about usage',
      choice({ delta: { content: '{"usage":{"error":"x"},"finish_reason":"stop"}' } }),
      delta,
    ],
  ])('marks %s, tight or spaced', (_name, value, marks) => {
    expect(marksOf(value)).toBe(marks);
    expect(marksOf(value, 1)).toBe(marks);
  });

  it('reads bytes that are no JSON, or end in the middle of a name', () => {
    for (const text of ['', '"', '"usage', '"usage"', '"usage":', '[DONE]', '"\u{1F600}":1', '"content":"']) {
      expect(markFrame(Buffer.from(text)) & ~delta).toBe(0);
    }
  });

  it('marks what a search for each name would find', () => {
    const piece = fc.constantFrom(
      ...[
        '"usage"',
        '"error"',
        '"finish_reason"',
        '"content"',
        '"text"',
        '"x',
        '"',
        ':',
        ': ',
        ':\n',
        '{',
        '"a"',
      ],
      ...['""', 'null', '\\', ' ', '{}', ',', '"thinking":"', '"usage":{', '"context":"a'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        expect(markFrame(Buffer.from(text))).toBe(marksBySearch(text));
        const colon = findMarked(Buffer.from(text), delta | usage | finish | error);
        expect(colon < 0).toBe(marksBySearch(text) === 0);
        expect(markFrame(Buffer.from(text), Math.max(0, colon - 1))).toBe(marksBySearch(text));
      }),
      { numRuns: 5_000 },
    );
  });
});

function marksBySearch(text: string): number {
  const value = '":(?: [ \\t\\r\\n]*)?';
  const outputs = 'content|refusal|arguments|reasoning_content|reasoning|text|thinking|partial_json';
  const searches: readonly (readonly [pattern: string, mark: number])[] = [
    [`"usage${value}\\{`, usage],
    [`"error${value}(?:\\{|"(?:[^"]|$))`, error],
    [`"finish_reason${value}"(?:[^"]|$)`, finish],
    [`"(?:${outputs})${value}"(?:[^"]|$)`, delta],
  ];
  return searches.reduce(
    (marks, [pattern, mark]) => (new RegExp(pattern).test(text) ? marks | mark : marks),
    0,
  );
}
