export { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from './dead-letter.ts';
export { EventDecodeError, type EventDecodeErrorCode, EventEncodeError } from './errors.ts';
export {
  createSchemaIds,
  decodeUsageEvent,
  encodeEventContent,
  encodeUsageEvent,
  type ReadUsageEvent,
  readUsageEvent,
} from './usage-event-codec.ts';
