import type { AnswerFacts, UsageReader } from './answer.ts';
import { type Members, scanDocument } from './json-scan.ts';
import { errorTypeOf, factOf, parseMember } from './json-value.ts';
import { foundUsage, messageAnswer } from './message-facts.ts';
import { createMessageStream } from './message-stream.ts';

/**
 * The reader of Anthropic's Messages API, wherever it is spoken. Its counts are exclusive: all input is
 * `input_tokens` + cache reads + cache writes; `output_tokens` hold the thinking.
 */
export const messagesReader: UsageReader = {
  operation: 'messages',
  readBody,
  createStream: createMessageStream,
};

const BODY_MEMBERS = ['id', 'model', 'stop_reason', 'usage', 'error'] as const;

function readBody(body: Uint8Array): AnswerFacts {
  const members: Members = scanDocument(body, BODY_MEMBERS) ?? new Map();
  const facts = {
    responseId: factOf(body, members, 'id'),
    responseModel: factOf(body, members, 'model'),
    finishReason: factOf(body, members, 'stop_reason'),
    errorType: errorTypeOf(parseMember(body, members, 'error')),
  };
  return messageAnswer(facts, foundUsage(body, members), true);
}
