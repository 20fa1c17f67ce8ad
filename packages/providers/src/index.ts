export type { AnswerFacts, FrameKind, StreamReader, UsageLine, UsageReader } from './answer.ts';
export { findReader } from './find-reader.ts';
export { acceptsStreamOptions } from './stream-options.ts';
