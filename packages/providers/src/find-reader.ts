import type { ProviderKind } from '@meterstone/metering';
import type { UsageReader } from './answer.ts';
import { messagesReader } from './anthropic-messages.ts';
import { createChatReader } from './chat-completions.ts';

/**
 * The reader for a request, by method and path after the provider's prefix (`/v1/chat/completions`; a query
 * is ignored). `null`: no reader, the answer passes unmetered. That is so for every path that counts without
 * using (`/v1/messages/count_tokens`), for every `GET` (a stored answer repeats its usage), and as yet for
 * all of xAI, whose counts follow a rule of their own.
 */
export function findReader(kind: ProviderKind, method: string, path: string): UsageReader | null {
  if (method.toUpperCase() !== 'POST' || kind === 'xai') return null;
  const [pathname = ''] = path.split('?', 1);
  if (pathname.endsWith('/chat/completions')) return kind === 'google' ? geminiChatReader : chatReader;
  if (pathname.endsWith('/completions')) return completionsReader;
  return pathname.endsWith('/v1/messages') ? messagesReader : null;
}

const chatReader = createChatReader('chat', { hiddenReasoningInTotal: false });
const geminiChatReader = createChatReader('chat', { hiddenReasoningInTotal: true });
const completionsReader = createChatReader('completions', { hiddenReasoningInTotal: false });
