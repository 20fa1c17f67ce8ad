export { hashRanges } from './content-hash.ts';
export { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from './dead-letter.ts';
export { EventDecodeError, type EventDecodeErrorCode, EventEncodeError } from './errors.ts';
export {
  createSchemaIds,
  decodeUsageEvent,
  encodeUsageEvent,
  LAID_OUT_HEADER,
  type ReadUsageEvent,
  readUsageEvent,
} from './usage-event-codec.ts';
