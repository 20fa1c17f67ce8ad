import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { DemoCall, DemoKeyName } from './scenario.ts';
import { wordsOf } from './words.ts';

/** Makes one call through the proxy and reads the answer to its end. Rejects when the proxy or provider refuses. */
export type Caller = (call: DemoCall) => Promise<void>;

export interface CustomersOptions {
  readonly proxyUrl: string;
  /** A Meterstone key with scope `proxy` for each of the demo's keys. */
  readonly keys: Readonly<Record<DemoKeyName, string>>;
}

/** The demo's customers: the official OpenAI and Anthropic clients, with only base URL and key changed. */
export function createCustomers(options: CustomersOptions): Caller {
  const clients = new Map<string, { openai: OpenAI; anthropic: Anthropic }>();
  for (const [name, apiKey] of Object.entries(options.keys)) {
    clients.set(name, {
      openai: new OpenAI({ baseURL: `${options.proxyUrl}/openai/v1`, apiKey, maxRetries: 0 }),
      anthropic: new Anthropic({ baseURL: `${options.proxyUrl}/anthropic`, apiKey, maxRetries: 0 }),
    });
  }
  return async (call) => {
    const client = clients.get(call.key);
    if (client === undefined) throw new Error(`the demo has no key named ${call.key}`);
    if (call.api === 'openai') await callOpenAi(client.openai, call);
    else await callAnthropic(client.anthropic, call);
  };
}

async function callOpenAi(client: OpenAI, call: DemoCall) {
  const request = {
    model: call.model,
    max_completion_tokens: call.outputTokens,
    messages: [
      ...(call.cachedTokens > 0 ? [{ role: 'system' as const, content: wordsOf(call.cachedTokens) }] : []),
      { role: 'user' as const, content: wordsOf(call.inputTokens) },
    ],
    ...(call.serviceTier === 'priority' ? { service_tier: 'priority' as const } : {}),
    ...(call.reasoning ? { reasoning_effort: 'low' as const } : {}),
  };
  const headers = attribution(call);
  if (!call.stream) {
    await client.chat.completions.create(request, { headers });
    return;
  }
  const stream = await client.chat.completions.create({ ...request, stream: true }, { headers });
  for await (const _chunk of stream);
}

async function callAnthropic(client: Anthropic, call: DemoCall) {
  const request = {
    model: call.model,
    max_tokens: call.outputTokens,
    messages: [{ role: 'user' as const, content: wordsOf(call.inputTokens) }],
    ...(call.cachedTokens > 0
      ? {
          system: [
            {
              type: 'text' as const,
              text: wordsOf(call.cachedTokens),
              cache_control: { type: 'ephemeral' as const },
            },
          ],
        }
      : {}),
  };
  const headers = attribution(call);
  if (!call.stream) {
    await client.messages.create(request, { headers });
    return;
  }
  const stream = await client.messages.create({ ...request, stream: true }, { headers });
  for await (const _event of stream);
}

function attribution(call: DemoCall): Record<string, string> {
  return {
    ...(call.user === null ? {} : { 'ai-reporting-user': call.user }),
    ...(call.tags.length === 0 ? {} : { 'ai-reporting-tags': call.tags.join(',') }),
    ...(call.plan === null ? {} : { 'meterstone-plan': call.plan }),
  };
}
