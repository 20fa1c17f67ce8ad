import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_TOKENS, type TokenCounts } from '@meterstone/metering';
import { type Chance, createChance } from './random.ts';

/** What the provider knows of one attempt: its own books, kept without Meterstone. */
export interface Attempt {
  readonly operationId: string;
  readonly api: 'openai' | 'anthropic';
  readonly model: string;
  /** What it said, or would have said, in disjoint buckets. */
  readonly tokens: TokenCounts;
}

/** A provider that keeps its own ledger of all attempts that reached it whole. */
export interface LedgerProvider {
  readonly url: string;
  /** Every attempt so far, in order; each request is one. */
  readonly attempts: readonly Attempt[];
  close(): Promise<void>;
}

const TOKENS_MAX = 9_000;
const FRAMES_MAX = 8;
const FRAME_PAUSE_MS_MAX = 60;

/**
 * Answers in the formats of OpenAI's Chat Completions and Anthropic's Messages, JSON and streams with pauses between
 * the frames. The prompt is the name of the operation; by it the ledger and the events are held against each other.
 */
export async function startLedgerProvider(seed: number): Promise<LedgerProvider> {
  const chance = createChance(seed);
  const attempts: Attempt[] = [];
  const server = createServer((request, response) => {
    answer(request, response, { chance, attempts }).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    attempts,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Desk {
  readonly chance: Chance;
  readonly attempts: Attempt[];
}

interface RequestBody {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly { readonly content: string }[];
}

async function answer(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const text = (await request.setEncoding('utf8').toArray()).join('');
  const body = JSON.parse(text) as RequestBody; // Of our own load, which writes just this.
  const api = request.url?.startsWith('/v1/messages') === true ? 'anthropic' : 'openai';
  const attempt: Attempt = {
    operationId: body.messages[0]?.content ?? '',
    api,
    model: body.model,
    tokens: sayTokens(desk.chance, api),
  };
  desk.attempts.push(attempt);
  const speak = api === 'openai' ? openAi(attempt) : anthropic(attempt);
  await sleep(desk.chance.between(0, FRAME_PAUSE_MS_MAX));
  if (body.stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(speak.body);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const frame of speak.frames(desk.chance.between(1, FRAMES_MAX))) {
    response.write(frame);
    await sleep(desk.chance.between(0, FRAME_PAUSE_MS_MAX));
  }
  response.end();
}

function sayTokens(chance: Chance, api: Attempt['api']): TokenCounts {
  const common = {
    ...NO_TOKENS,
    inputTokens: chance.between(1, TOKENS_MAX),
    cacheReadTokens: chance.between(0, TOKENS_MAX),
    outputTokens: chance.between(20, TOKENS_MAX),
  };
  return api === 'openai'
    ? { ...common, reasoningTokens: chance.between(0, TOKENS_MAX) }
    : { ...common, cacheWrite5mTokens: chance.between(0, TOKENS_MAX) };
}

interface Speech {
  readonly body: string;
  readonly frames: (deltas: number) => string[];
}

/** platform.openai.com/docs/api-reference/chat: counts include cached input and reasoning output. */
function openAi({ operationId, model, tokens }: Attempt): Speech {
  const usage = {
    prompt_tokens: tokens.inputTokens + tokens.cacheReadTokens,
    completion_tokens: tokens.outputTokens + tokens.reasoningTokens,
    total_tokens: tokens.inputTokens + tokens.cacheReadTokens + tokens.outputTokens + tokens.reasoningTokens,
    prompt_tokens_details: { cached_tokens: tokens.cacheReadTokens },
    completion_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
  };
  const head = { id: `chatcmpl-${operationId}`, created: 1, model };
  const chunk = (choices: object[], said: object | null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, usage: said })}\n\n`;
  const delta = (content: string) => [{ index: 0, delta: { content }, finish_reason: null }];
  return {
    body: JSON.stringify({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'word' }, finish_reason: 'stop' }],
      usage,
    }),
    frames: (deltas) => [
      ...Array.from({ length: deltas }, () => chunk(delta(' word'), null)),
      chunk([{ index: 0, delta: {}, finish_reason: 'stop' }], null),
      chunk([], usage),
      'data: [DONE]\n\n',
    ],
  };
}

/** platform.claude.com/docs/en/api/messages: input without cached parts, output cumulative at the end. */
function anthropic({ operationId, model, tokens }: Attempt): Speech {
  const usage = {
    input_tokens: tokens.inputTokens,
    cache_creation_input_tokens: tokens.cacheWrite5mTokens,
    cache_read_input_tokens: tokens.cacheReadTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite5mTokens,
      ephemeral_1h_input_tokens: 0,
    },
  };
  const head = { id: `msg_${operationId}`, type: 'message', role: 'assistant', model, stop_sequence: null };
  const frame = (type: string, fields: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  return {
    body: JSON.stringify({
      ...head,
      content: [{ type: 'text', text: 'word' }],
      stop_reason: 'end_turn',
      usage: { ...usage, output_tokens: tokens.outputTokens },
    }),
    frames: (deltas) => [
      frame('message_start', {
        message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
      }),
      frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      ...Array.from({ length: deltas }, () =>
        frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: ' word' } }),
      ),
      frame('content_block_stop', { index: 0 }),
      frame('message_delta', {
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: tokens.outputTokens },
      }),
      frame('message_stop', {}),
    ],
  };
}
