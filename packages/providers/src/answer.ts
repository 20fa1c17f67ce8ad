import { NO_TOKENS, type TokenCounts, type UsageSource } from '@meterstone/metering';

/** What one answer of a provider says about itself and its usage. */
export interface AnswerFacts {
  /** The provider's id of the answer. Evidence, never a key. */
  readonly responseId: string | null;
  /** The model that served line 0; `null`: not named, take the request's. */
  readonly responseModel: string | null;
  /** The tier served, in the provider's own word; `null`: not named. */
  readonly serviceTier: string | null;
  /** Where inference ran, in the provider's own word; `null`: not named. */
  readonly region: string | null;
  readonly finishReason: string | null;
  /** The provider's type or code of an error in the answer or in the middle of its stream. */
  readonly errorType: string | null;
  /**
   * `reported`: final counts of both sides; `partial`: one side is missing, or the stream ended before its
   * final counts; `none`: no readable count at all. A reader never says `estimated`.
   */
  readonly usageSource: Exclude<UsageSource, 'estimated'>;
  /** Line 0 is always there, also when the answer has no usage (every bucket absent). */
  readonly lines: readonly UsageLine[];
}

/** The usage of one billed model inside an answer. */
export interface UsageLine {
  /** 0 is the answer; 1… is what another model billed inside it. */
  readonly line: number;
  readonly responseModel: string | null;
  /** Tokens per disjoint bucket, never negative. */
  readonly tokens: TokenCounts;
  /** Bit i set: bucket i of `TOKEN_BUCKETS` was reported, 0 included. */
  readonly presentBuckets: number;
  /** Non-zero per-call quantities, unit in the name. A quantity reported as 0 is left out. */
  readonly quantities: Readonly<Record<string, number>>;
  /** What the provider says it charged, in picodollars; `null`: it does not say. */
  readonly providerReportedCost: bigint | null;
  /** Bits of `USAGE_FLAGS`. */
  readonly usageFlags: number;
  /**
   * The provider's usage object, verbatim, on line 0; `null` on others and without usage. A stream that
   * brings usage in two events has both, first and last, as a JSON array. Over the limit the text is cut at
   * a character boundary and `rawTruncated` is set: still readable by a person, no longer by a parser.
   */
  readonly usageRaw: string | null;
}

/** `delta`: carries output; `usage_only`: the extra chunk of `include_usage`; `other`: anything else. */
export type FrameKind = 'delta' | 'usage_only' | 'other';

/** Reads one stream, event by event. Holds the few facts that matter and no content. */
export interface StreamReader {
  /**
   * Takes the payload of one server-sent event (without `data: `); the bytes are not kept. Never throws.
   * `usage_only` is exactly a chunk with an empty `choices` list and a usage object.
   */
  onData(data: Uint8Array): FrameKind;
  /** Events so far that carried text, reasoning or tool arguments: the basis of an estimate. */
  readonly outputDeltas: number;
  /** The facts so far; final once the stream has ended, `partial` when it broke off. */
  finish(): AnswerFacts;
}

/** Reads the answers of one API. Pure: bytes in, facts out; no input makes it throw. */
export interface UsageReader {
  /** The name of the operation: `chat`, `completions`, `messages`. */
  readonly operation: string;
  /** Reads a whole JSON body, uncompressed. */
  readBody(body: Uint8Array): AnswerFacts;
  createStream(): StreamReader;
}

/** Line 0 of an answer that says nothing about usage. */
export function lineWithoutUsage(responseModel: string | null): UsageLine {
  return {
    line: 0,
    responseModel,
    tokens: NO_TOKENS,
    presentBuckets: 0,
    quantities: {},
    providerReportedCost: null,
    usageFlags: 0,
    usageRaw: null,
  };
}
