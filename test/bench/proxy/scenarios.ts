import { NO_TOKENS, type TokenCounts } from '@meterstone/metering';
import { seededRandom } from '../../support/replay-provider.ts';
import { PROXY_KEY } from '../traffic/orgs.ts';

export type ScenarioName = 'json' | 'prompt_300k' | 'sse' | 'sse_paced';

/** One kind of load. Every process of the bench makes the same from the name. */
export interface Scenario {
  readonly name: ScenarioName;
  /** Whose contents differ, so that nothing can be remembered from one request to the next. */
  readonly variants: readonly Variant[];
  /** Milliseconds between two frames; 0 = one after the other at once. */
  readonly framePauseMs: number;
}

export interface Variant {
  /** Head and body, but for the host. */
  readonly request: Buffer;
  readonly requestBodyBytes: number;
  /** What the provider writes, one piece after the other: a body, or the frames of a stream. */
  readonly pieces: readonly Buffer[];
  /** All of it. */
  readonly answer: Buffer;
  readonly responseId: string;
  readonly tokens: TokenCounts;
}

const SCENARIOS: Readonly<
  Record<ScenarioName, { promptBytes: number; streamed: boolean; framePauseMs: number }>
> = {
  json: { promptBytes: 1_700, streamed: false, framePauseMs: 0 },
  prompt_300k: { promptBytes: 300_000, streamed: false, framePauseMs: 0 },
  sse: { promptBytes: 1_700, streamed: true, framePauseMs: 0 },
  sse_paced: { promptBytes: 1_700, streamed: true, framePauseMs: 20 },
};
const VARIANTS = 32;
const ANSWER_CHARACTERS = 800;
/** With the first, the last, the usage chunk and `[DONE]`: 66. */
const CONTENT_FRAMES = 62;
/** Tell the mock provider what to answer; any proxy passes them on. */
export const SCENARIO_HEADER = 'x-bench-scenario';
export const VARIANT_HEADER = 'x-bench-variant';

export function createScenario(name: ScenarioName): Scenario {
  const random = seededRandom(name.length * 7919);
  return {
    name,
    framePauseMs: SCENARIOS[name].framePauseMs,
    variants: Array.from({ length: VARIANTS }, (_, number) => createVariant(name, number, random)),
  };
}

function createVariant(name: ScenarioName, number: number, random: () => number): Variant {
  const { promptBytes, streamed } = SCENARIOS[name];
  const promptTokens = 300 + Math.floor(random() * 5_000);
  const outputTokens = 64 + Math.floor(random() * 400);
  const cachedTokens = Math.floor(promptTokens / 3);
  const reasoningTokens = Math.floor(outputTokens / 4);
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
  const responseId = `chatcmpl-${name}-${number}`;
  const pieces = streamed
    ? streamPieces({ responseId, usage, random })
    : [Buffer.from(JSON.stringify(jsonAnswer({ responseId, usage, random })))];
  const body = Buffer.from(JSON.stringify(requestBody({ promptBytes, streamed, random })));
  return {
    request: Buffer.concat([Buffer.from(requestHead({ name, number, bytes: body.length })), body]),
    requestBodyBytes: body.length,
    pieces,
    answer: Buffer.concat(pieces),
    responseId,
    tokens: {
      ...NO_TOKENS,
      inputTokens: promptTokens - cachedTokens,
      cacheReadTokens: cachedTokens,
      outputTokens: outputTokens - reasoningTokens,
      reasoningTokens,
    },
  };
}

const MODEL = 'gpt-5-mini-2025-08-07';
const CREATED = 1_764_000_000;

interface AnswerParts {
  readonly responseId: string;
  readonly usage: object;
  readonly random: () => number;
}

function jsonAnswer({ responseId, usage, random }: AnswerParts): object {
  const message = {
    role: 'assistant',
    content: prose(ANSWER_CHARACTERS, random),
    refusal: null,
    annotations: [],
  };
  return {
    id: responseId,
    object: 'chat.completion',
    created: CREATED,
    model: MODEL,
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage,
    service_tier: 'default',
    system_fingerprint: 'fp_bench',
  };
}

function streamPieces({ responseId, usage, random }: AnswerParts): Buffer[] {
  const chunk = (facts: object) => ({
    id: responseId,
    object: 'chat.completion.chunk',
    created: CREATED,
    model: MODEL,
    service_tier: 'default',
    system_fingerprint: 'fp_bench',
    ...facts,
  });
  const choice = (delta: object, reason: string | null) =>
    chunk({ choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }], usage: null });
  const chunks = [
    choice({ role: 'assistant', content: '', refusal: null }, null),
    ...Array.from({ length: CONTENT_FRAMES }, () => choice({ content: prose(12, random) }, null)),
    choice({}, 'stop'),
    chunk({ choices: [], usage }),
  ];
  return [...chunks.map((each) => JSON.stringify(each)), '[DONE]'].map((data) =>
    Buffer.from(`data: ${data}\n\n`),
  );
}

function requestBody(options: { promptBytes: number; streamed: boolean; random: () => number }): object {
  const { promptBytes, streamed, random } = options;
  return {
    model: 'gpt-5-mini',
    messages: [
      { role: 'system', content: 'You answer in plain words.\nYou say "I do not know" when you do not.' },
      { role: 'user', content: prose(promptBytes - 300, random) },
    ],
    temperature: 0.2,
    max_completion_tokens: 1024,
    ...(streamed ? { stream: true, stream_options: { include_usage: true } } : {}),
  };
}

/** As the official client writes it, with a customer and tags. */
function requestHead({ name, number, bytes }: { name: string; number: number; bytes: number }): string {
  const lines = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: 127.0.0.1',
    'connection: keep-alive',
    'accept: application/json',
    'content-type: application/json',
    'user-agent: OpenAI/JS 6.9.1',
    'x-stainless-retry-count: 0',
    'x-stainless-lang: js',
    'x-stainless-package-version: 6.9.1',
    'x-stainless-os: Linux',
    'x-stainless-arch: x64',
    'x-stainless-runtime: node',
    'x-stainless-runtime-version: v26.10.0',
    `authorization: Bearer ${PROXY_KEY}`,
    `ai-reporting-user: customer-${number}`,
    'ai-reporting-tags: env:production,feature:search',
    `${SCENARIO_HEADER}: ${name}`,
    `${VARIANT_HEADER}: ${number}`,
    'accept-encoding: identity',
    `content-length: ${bytes}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const WORDS =
  'the a of report usage team "quoted" price token cost margin week line\n plan answer café budget'.split(
    ' ',
  );

function prose(characters: number, random: () => number): string {
  const words: string[] = [];
  for (let length = 0; length < characters; length += (words.at(-1)?.length ?? 0) + 1) {
    words.push(WORDS[Math.floor(random() * WORDS.length)] ?? '');
  }
  return words.join(' ').slice(0, characters);
}
