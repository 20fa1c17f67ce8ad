import type { AnswerFacts } from './answer.ts';
import { lineWithoutUsage } from './answer.ts';
import { type ChatHabits, readChatUsage } from './chat-usage.ts';
import {
  type FirstOfList,
  isObjectAt,
  type Members,
  type Span,
  scanDocument,
  scanMembers,
} from './json-scan.ts';
import { errorTypeOf, factOf, parseMember } from './json-value.ts';
import { sidesReported } from './token-sheet.ts';

/** The facts of a chat answer before its usage is read. */
export interface ChatFacts {
  readonly responseId: string | null;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
  readonly finishReason: string | null;
  readonly errorType: string | null;
}

/** What a reader looks at in a body or chunk; `null`: no JSON object. */
export function chatMembers(bytes: Uint8Array): Members | null {
  return scanDocument(bytes, CHAT_MEMBERS, FIRST_CHOICE);
}

const CHAT_MEMBERS = ['id', 'model', 'service_tier', 'choices', 'usage', 'x_groq', 'error'] as const;
const FIRST_CHOICE: FirstOfList = { list: 'choices', names: ['finish_reason'] };

/** Nothing known yet. */
export const NO_CHAT_FACTS: ChatFacts = Object.freeze({
  responseId: null,
  responseModel: null,
  serviceTier: null,
  finishReason: null,
  errorType: null,
});

/** The answer from its facts and its usage object; `ended`: the provider finished it. */
export function chatAnswer(
  facts: ChatFacts,
  usage: Uint8Array | null,
  { habits, ended }: { readonly habits: ChatHabits; readonly ended: boolean },
): AnswerFacts {
  const line =
    usage === null
      ? lineWithoutUsage(facts.responseModel)
      : readChatUsage(usage, facts.responseModel, habits);
  const sides = sidesReported(line.presentBuckets);
  return {
    ...facts,
    region: null,
    usageSource: sides === 'reported' && !ended ? 'partial' : sides,
    lines: [line],
  };
}

/** The facts that the members of a body or chunk hold. */
export function chatFacts(bytes: Uint8Array, members: Members): ChatFacts {
  return {
    responseId: factOf(bytes, members, 'id'),
    responseModel: factOf(bytes, members, 'model'),
    serviceTier: factOf(bytes, members, 'service_tier'),
    finishReason: factOf(bytes, members, 'choices.finish_reason'),
    errorType: errorTypeOf(parseMember(bytes, members, 'error')),
  };
}

/**
 * The usage object of a body or chunk; `null`: none, or an empty one. Groq streams mostly carry it only in
 * `x_groq.usage`, sometimes in both places with the same counts (recorded by pydantic-ai and vercel/ai, read
 * 2026-11-24): the plain one is taken, never their sum.
 */
export function chatUsage(bytes: Uint8Array, members: Members): Uint8Array | null {
  return filledObject(bytes, members.get('usage')) ?? groqUsage(bytes, members.get('x_groq'));
}

function groqUsage(bytes: Uint8Array, groq: Span | undefined): Uint8Array | null {
  if (groq === undefined) return null;
  return filledObject(bytes, scanMembers(bytes, ['usage'], groq.start)?.get('usage'));
}

function filledObject(bytes: Uint8Array, value: Span | undefined): Uint8Array | null {
  if (value === undefined || !isObjectAt(bytes, value) || value.end - value.start <= '{}'.length) return null;
  return bytes.subarray(value.start, value.end);
}
