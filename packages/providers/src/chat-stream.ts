import type { AnswerFacts, FrameKind, StreamReader } from './answer.ts';
import {
  type ChatFacts,
  chatAnswer,
  chatFacts,
  chatMembers,
  chatUsage,
  NO_CHAT_FACTS,
} from './chat-facts.ts';
import type { ChatHabits } from './chat-usage.ts';
import { createFrameMarker } from './frame-marker.ts';
import { FRAME_MARKS } from './frame-marks.ts';
import { isEmptyArray, isObjectAt, type Members, OPEN_BRACKET } from './json-scan.ts';

/** A reader of one Chat Completions stream. */
export function createChatStream(habits: ChatHabits): StreamReader {
  return new ChatStream(habits);
}

/** Chunks looked at for id and model before giving up on them: Azure's first chunk has neither. */
const HEAD_CHUNKS_MAX = 8;

class ChatStream implements StreamReader {
  outputDeltas = 0;
  readonly #habits: ChatHabits;
  readonly #marker = createFrameMarker();
  #facts: ChatFacts = NO_CHAT_FACTS;
  #usage: Uint8Array | null = null;
  #headChunks = 0;
  #ended = false;

  constructor(habits: ChatHabits) {
    this.#habits = habits;
  }

  onData(data: Uint8Array): FrameKind {
    if (data[0] === OPEN_BRACKET) return this.#onDone(); // `[DONE]`
    const marks = this.#marker.mark(data);
    const isDelta = (marks & FRAME_MARKS.delta) !== 0;
    if (isDelta) this.outputDeltas += 1;
    const isUsageOnly = (marks & LOOK_CLOSER) !== 0 || this.#lacksHead() ? this.#onChunk(data) : false;
    if (isUsageOnly) return 'usage_only';
    return isDelta ? 'delta' : 'other';
  }

  finish(): AnswerFacts {
    return chatAnswer(this.#facts, this.#usage, { habits: this.#habits, ended: this.#ended });
  }

  #onDone(): FrameKind {
    this.#ended = true;
    return 'other';
  }

  #lacksHead(): boolean {
    if (this.#headChunks >= HEAD_CHUNKS_MAX) return false;
    return this.#facts.responseId === null || this.#facts.responseModel === null;
  }

  /** Returns whether this is the extra chunk of `include_usage`. */
  #onChunk(data: Uint8Array): boolean {
    this.#headChunks += 1;
    const members = chatMembers(data);
    if (members === null) return false;
    this.#takeFacts(chatFacts(data, members));
    const usage = chatUsage(data, members);
    // Growing counts on every chunk (Perplexity) and repeated ones (Groq): the last object wins, whole. It
    // is copied, so that the network buffer it lies in is let go.
    if (usage !== null) this.#usage = new Uint8Array(usage);
    const isUsageOnly = isUsageChunk(data, members);
    if (isUsageOnly) this.#ended = true;
    return isUsageOnly;
  }

  #takeFacts(facts: ChatFacts): void {
    const before = this.#facts;
    this.#facts = {
      responseId: facts.responseId ?? before.responseId,
      responseModel: facts.responseModel ?? before.responseModel,
      serviceTier: facts.serviceTier ?? before.serviceTier,
      finishReason: facts.finishReason ?? before.finishReason,
      errorType: facts.errorType ?? before.errorType,
    };
    if (facts.finishReason !== null) this.#ended = true;
  }
}

const LOOK_CLOSER = FRAME_MARKS.usage | FRAME_MARKS.finish | FRAME_MARKS.error;

function isUsageChunk(data: Uint8Array, members: Members): boolean {
  const choices = members.get('choices');
  const usage = members.get('usage');
  return (
    choices !== undefined && usage !== undefined && isEmptyArray(data, choices) && isObjectAt(data, usage)
  );
}
