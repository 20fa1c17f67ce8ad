import type { AnswerFacts, FrameKind, StreamReader } from './answer.ts';
import { FRAME_MARKS, findMarked } from './frame-marks.ts';
import { type Members, scanDocument, scanMembers } from './json-scan.ts';
import { asFact, errorTypeOf, factOf, type JsonObject, parseMember } from './json-value.ts';
import { type FoundUsage, foundUsage, type MessageFacts, messageAnswer } from './message-facts.ts';

/** A reader of one Messages stream. */
export function createMessageStream(): StreamReader {
  return new MessageStream();
}

const NO_FACTS: MessageFacts = Object.freeze({
  responseId: null,
  responseModel: null,
  finishReason: null,
  errorType: null,
});

class MessageStream implements StreamReader {
  outputDeltas = 0;
  #facts: MessageFacts = NO_FACTS;
  /** Usage of the last `message_start`. */
  #start: FoundUsage | null = null;
  /** Last non-null value per field over all `message_delta` events: each is cumulative, so none is added. */
  #final: JsonObject | null = null;
  #finalRaw: string | null = null;
  #ended = false;

  onData(data: Uint8Array): FrameKind {
    if (startsWith(data, CONTENT_BLOCK)) return this.#onContentBlock(data);
    const members = scanDocument(data, EVENT_MEMBERS);
    if (members === null) return 'other';
    switch (factOf(data, members, 'type')) {
      case 'content_block_delta':
        return this.#countDelta(data);
      case 'message_start':
        this.#onStart(data, members);
        break;
      case 'message_delta':
        this.#onMessageDelta(data, members);
        break;
      case 'message_stop':
        this.#ended = true;
        break;
      case 'error':
        this.#onError(data, members);
        break;
    }
    return 'other';
  }

  finish(): AnswerFacts {
    return messageAnswer(this.#facts, this.#usage(), this.#ended);
  }

  /** Nearly every event: told apart by its first bytes alone. */
  #onContentBlock(data: Uint8Array): FrameKind {
    return data[CONTENT_BLOCK.length] === LETTER_D ? this.#countDelta(data, CONTENT_BLOCK.length) : 'other';
  }

  #countDelta(data: Uint8Array, from = 0): FrameKind {
    if (findMarked(data, FRAME_MARKS.delta, from) < 0) return 'other';
    this.outputDeltas += 1;
    return 'delta';
  }

  /** A second `message_start` (spliced or doubled streams were recorded) replaces the first. */
  #onStart(data: Uint8Array, members: Members): void {
    const message = members.get('message');
    const inner = message === undefined ? null : scanMembers(data, MESSAGE_MEMBERS, message.start);
    if (inner === null) return;
    this.#facts = {
      ...this.#facts,
      responseId: factOf(data, inner, 'id'),
      responseModel: factOf(data, inner, 'model'),
    };
    this.#start = foundUsage(data, inner);
    this.#final = null;
    this.#finalRaw = null;
  }

  #onMessageDelta(data: Uint8Array, members: Members): void {
    const delta = members.get('delta');
    const inner = delta === undefined ? null : scanMembers(data, ['stop_reason'], delta.start);
    const finishReason = inner === null ? null : asFact(parseMember(data, inner, 'stop_reason'));
    if (finishReason !== null) {
      this.#facts = { ...this.#facts, finishReason };
      this.#ended = true;
    }
    const usage = foundUsage(data, members);
    if (usage === null) return;
    this.#final = { ...this.#final, ...withoutNulls(usage.fields) };
    this.#finalRaw = usage.raw;
  }

  #onError(data: Uint8Array, members: Members): void {
    this.#facts = { ...this.#facts, errorType: errorTypeOf(parseMember(data, members, 'error')) };
  }

  /**
   * `output_tokens` of `message_start` is a placeholder of 1 to 70 tokens: a stream that breaks off before
   * its `message_delta` has told its input and not its output (maximhq/bifrost#4575: 806 deltas logged as 1
   * token). Fields that the delta leaves out, as older models do with the input, keep their first value.
   */
  #usage(): FoundUsage | null {
    const { output_tokens: _placeholder, ...start } = this.#start?.fields ?? {};
    const raws = [this.#start?.raw, this.#finalRaw ?? undefined].filter((raw) => raw !== undefined);
    const [first, last] = raws;
    if (first === undefined) return null;
    return { fields: { ...start, ...this.#final }, raw: last === undefined ? first : `[${first},${last}]` };
  }
}

const CONTENT_BLOCK = new TextEncoder().encode('{"type":"content_block_');
const LETTER_D = 0x64;
const EVENT_MEMBERS = ['type', 'message', 'delta', 'usage', 'error'] as const;
const MESSAGE_MEMBERS = ['id', 'model', 'usage'] as const;

function startsWith(data: Uint8Array, prefix: Uint8Array): boolean {
  if (data.length <= prefix.length) return false;
  for (let index = 0; index < prefix.length; index += 1) {
    if (data[index] !== prefix[index]) return false;
  }
  return true;
}

function withoutNulls(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
