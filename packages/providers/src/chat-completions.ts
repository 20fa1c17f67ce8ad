import type { AnswerFacts, UsageReader } from './answer.ts';
import { chatAnswer, chatFacts, chatMembers, chatUsage, NO_CHAT_FACTS } from './chat-facts.ts';
import { createChatStream } from './chat-stream.ts';
import type { ChatHabits } from './chat-usage.ts';

/**
 * A reader of OpenAI's Chat Completions and of everything shaped like it, legacy completions included
 * (same totals, same stream rule): OpenAI, Azure, DeepSeek, Groq, Mistral, Moonshot, Alibaba, Together,
 * Fireworks, OpenRouter, Perplexity, Gemini's compatible endpoint. Not xAI, whose `completion_tokens`
 * leave reasoning out.
 */
export function createChatReader(operation: string, habits: ChatHabits): UsageReader {
  return {
    operation,
    readBody: (body) => readBody(body, habits),
    createStream: () => createChatStream(habits),
  };
}

function readBody(body: Uint8Array, habits: ChatHabits): AnswerFacts {
  const members = chatMembers(body);
  if (members === null) return chatAnswer(NO_CHAT_FACTS, null, { habits, ended: true });
  return chatAnswer(chatFacts(body, members), chatUsage(body, members), { habits, ended: true });
}
