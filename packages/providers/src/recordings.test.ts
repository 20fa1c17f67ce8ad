import { PROVIDER_KINDS, type ProviderKind, TOKEN_BUCKETS, type TokenBucket } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { presentTokens } from '../../../test/fixtures/providers/present-tokens.ts';
import { listRecordings, NO_RECORDINGS, type Recording } from '../../../test/support/recordings.ts';
import type { AnswerFacts } from './answer.ts';
import { findReader } from './find-reader.ts';

interface Said {
  /** All tokens that the provider says the answer used. */
  readonly total: number;
  readonly path: string;
}

type Json = Record<string, unknown>;
type Verdict = { readonly said: Said } | { readonly leftOut: string };

const recordings = listRecordings();
const judged = recordings.map((recording) => ({ recording, verdict: judge(recording) }));
const ran = judged.filter(
  (entry): entry is { recording: Recording; verdict: { said: Said } } => 'said' in entry.verdict,
);

describe.skipIf(recordings.length === 0)('recorded answers', () => {
  it.each(ran.map(({ recording, verdict }) => [titleOf(recording), recording, verdict.said] as const))(
    '%s: the disjoint buckets sum to what the provider said',
    (_title, recording, said) => {
      const facts = readRecording(recording, said.path);
      expect(facts.usageSource).toBe('reported');
      expect(sumOf(facts)).toBe(said.total);
    },
  );

  it('that did not run are left out for a reason', () => {
    const reasons = new Map<string, string[]>();
    for (const { recording, verdict } of judged) {
      if ('leftOut' in verdict)
        reasons.set(verdict.leftOut, [...(reasons.get(verdict.leftOut) ?? []), titleOf(recording)]);
    }
    const leftOut = [...reasons].map(([reason, titles]) => `${titles.length} ${reason}: ${titles.join(' ')}`);
    console.log(
      [`recordings: ${ran.length} ran, ${judged.length - ran.length} left out`, ...leftOut].join('\n  '),
    );
    expect(ran.length).toBeGreaterThan(0);
  });
});

describe.runIf(recordings.length === 0)('recorded answers', () => {
  it('are not there', () => {
    console.log(NO_RECORDINGS);
  });
});

/** Read by hand from the files. */
const EXPECTED: readonly (readonly [
  name: string,
  tokens: Partial<Record<TokenBucket, number>>,
  further?: object,
])[] = [
  [
    'openai/chat/openai-text.chunks.txt',
    { inputTokens: 16, outputTokens: 300, cacheReadTokens: 0, reasoningTokens: 0 },
  ],
  ['openai/chat/azure-model-router.1.chunks.txt', { inputTokens: 15, outputTokens: 14, reasoningTokens: 64 }],
  [
    'azure/azure-deepseek-reasoning.1.chunks.txt',
    { inputTokens: 19, outputTokens: 1720, reasoningTokens: 0 },
  ],
  [
    'deepseek/chat/deepseek-tool-call.chunks.txt',
    { inputTokens: 19, cacheReadTokens: 320, outputTokens: 44, reasoningTokens: 39 },
  ],
  [
    'deepseek/chat/deepseek-reasoning.json',
    { inputTokens: 18, cacheReadTokens: 0, outputTokens: 30, reasoningTokens: 315 },
  ],
  ['groq/groq-reasoning.chunks.txt', { inputTokens: 17, outputTokens: 144, reasoningTokens: 963 }],
  ['groq/groq-tool-call.chunks.txt', { inputTokens: 210, outputTokens: 15 }],
  [
    'mistral/mistral-incremental-tool-call.chunks.txt',
    { inputTokens: 43, cacheReadTokens: 128, outputTokens: 14 },
  ],
  ['mistral/mistral-text.json', { inputTokens: 13, outputTokens: 434 }],
  ['moonshotai/moonshotai-stream.chunks.txt', { inputTokens: 9, outputTokens: 5, reasoningTokens: 7 }],
  ['alibaba/alibaba-text.json', { inputTokens: 18, cacheReadTokens: 0, outputTokens: 1064 }],
  [
    'anthropic/anthropic-advisor-20260301.1.json',
    { inputTokens: 2414, outputTokens: 3200 },
    { inputTokens: 2728, outputTokens: 874 },
  ],
  ['anthropic/anthropic-compaction.1.json', { inputTokens: 61_067, outputTokens: 1912 }],
  ['anthropic/anthropic-web-search-tool.1.chunks.txt', { inputTokens: 15_665, outputTokens: 795 }],
  ['anthropic/anthropic-code-execution-20250825.2.chunks.txt', { inputTokens: 15_696, outputTokens: 2479 }],
  [
    'anthropic/anthropic-clear-thinking.1.chunks.txt',
    { inputTokens: 69, outputTokens: 53, cacheWrite1hTokens: 0 },
  ],
  ['anthropic/anthropic-refusal-no-details.json', { inputTokens: 18, outputTokens: 5, cacheReadTokens: 0 }],
];

/** A folder of one's own recordings need not have these. */
const expectedHere = EXPECTED.filter(([name]) => ran.some(({ recording }) => titleOf(recording) === name));

describe.skipIf(expectedHere.length < EXPECTED.length)('recorded buckets', () => {
  it.each(EXPECTED)('of %s are as read by hand', (name, tokens, further) => {
    const entry = ran.find(({ recording }) => titleOf(recording) === name);
    if (entry === undefined) throw new Error(`${name} is not among the recordings that ran`);
    const { lines } = readRecording(entry.recording, entry.verdict.said.path);
    expect(lines.map(presentTokens)).toEqual(
      (further === undefined ? [tokens] : [tokens, further]).map((line) => expect.objectContaining(line)),
    );
  });

  it('count the deltas of a stream about as the provider counts its output', () => {
    const deltas = (name: string) => {
      const entry = ran.find(({ recording }) => titleOf(recording) === name);
      const stream = findReader('openai', 'POST', '/v1/chat/completions')?.createStream();
      for (const payload of entry?.recording.payloads() ?? []) stream?.onData(Buffer.from(payload));
      return stream?.outputDeltas;
    };
    expect(deltas('openai/chat/openai-text.chunks.txt')).toBe(300);
    expect(deltas('deepseek/chat/deepseek-reasoning.chunks.txt')).toBe(218); // of 219 tokens
    expect(deltas('groq/groq-reasoning.chunks.txt')).toBe(1102); // of 1,107 tokens
  });
});

function readRecording(recording: Recording, path: string): AnswerFacts {
  const reader = findReader(kindOf(recording), 'POST', path);
  if (reader === null) throw new Error(`no reader for ${titleOf(recording)}`);
  if (recording.form === 'json') return reader.readBody(recording.read());
  const stream = reader.createStream();
  for (const payload of recording.payloads()) stream.onData(Buffer.from(payload));
  return stream.finish();
}

function judge(recording: Recording): Verdict {
  const events = recording.payloads().flatMap(parsed);
  if (recording.provider === 'xai' || events.some(({ model }) => String(model).startsWith('grok'))) {
    return { leftOut: 'of xAI, whose rule comes later' };
  }
  if (events.some((event) => event['type'] === 'message' || event['type'] === 'message_start'))
    return messageSaid(events);
  if (events.some((event) => Array.isArray(event['choices']))) return chatSaid(events);
  return { leftOut: 'of another API' };
}

function chatSaid(events: readonly Json[]): Verdict {
  const usage = events.map((event) => event['usage'] as Json | null | undefined).findLast((found) => found);
  if (!usage) return { leftOut: 'without usage' };
  return { said: { total: Number(usage['total_tokens']), path: '/v1/chat/completions' } };
}

/** An oracle apart from the reader: last value per field over all events, then compactions and advisors. */
function messageSaid(events: readonly Json[]): Verdict {
  const last: Json = {};
  for (const event of events) {
    const message = (event['message'] ?? {}) as Json;
    for (const [name, value] of Object.entries((event['usage'] ?? message['usage'] ?? {}) as Json)) {
      if (value !== null) last[name] = value;
    }
  }
  if (Object.keys(last).length === 0) return { leftOut: 'without usage' };
  const apart = ((last['iterations'] ?? []) as Json[]).filter(
    ({ type }) => type === 'compaction' || type === 'advisor_message',
  );
  const total = [last, ...apart].reduce((sum, usage) => sum + messageTotal(usage), 0);
  return { said: { total, path: '/v1/messages' } };
}

function messageTotal(usage: Json): number {
  const names = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens', 'output_tokens'];
  return names.reduce((sum, name) => sum + Number(usage[name] ?? 0), 0);
}

function sumOf(facts: AnswerFacts): number {
  return facts.lines
    .flatMap(({ tokens }) => TOKEN_BUCKETS.map((bucket) => tokens[bucket]))
    .reduce((a, b) => a + b, 0);
}

function kindOf({ provider }: Recording): ProviderKind {
  return PROVIDER_KINDS.find((kind) => kind === provider) ?? 'openai_compatible';
}

function titleOf({ provider, name }: Recording): string {
  return `${provider}/${name}`;
}

function parsed(payload: string): Json[] {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === 'object' && value !== null ? [value as Json] : [];
  } catch {
    return [];
  }
}
