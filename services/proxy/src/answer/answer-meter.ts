import type { AnswerFacts } from '@meterstone/providers';

/** Watches one answer pass. Its methods never throw: a fault of metering stays a fault of metering. */
export interface AnswerMeter {
  /** A delta of output has passed. */
  readonly hasDelta: boolean;
  /** Output deltas so far; `null`: not counted. */
  readonly deltas: number | null;
  /** Takes the next bytes from the provider and gives those for the client. */
  pass(chunk: Buffer): Buffer | readonly Buffer[];
  /** The provider has sent all, or all it will: what is still held back for the client. */
  rest(): readonly Buffer[];
  /** What the answer said about itself. Once, after `rest`. */
  read(): Reading | Promise<Reading>;
  /** Instead of `read`: lets go of what was kept. */
  discard(): void;
}

/** What was read of one answer. */
export interface Reading {
  /** `null`: no reader for this path, unreadable, or too large to be read. */
  readonly facts: AnswerFacts | null;
  /** Output deltas counted; `null`: not a stream. */
  readonly deltas: number | null;
  /** A limit of metering was reached, so that usage may be missing. */
  readonly isTooLarge: boolean;
  /** What a reader threw or why inflating failed; `null`: nothing. */
  readonly fault: unknown;
}
