import type { UsageReader } from '@meterstone/providers';
import type { AnswerMeter, Reading } from './answer-meter.ts';
import { BodyMeter } from './body-meter.ts';
import type { ByteBudget } from './byte-budget.ts';
import { StreamMeter } from './stream-meter.ts';

export interface MeterOptions {
  /** `null`: no reader knows this path. */
  readonly reader: UsageReader | null;
  readonly contentType: string | null;
  /** `null`: not compressed. */
  readonly contentEncoding: string | null;
  /** Only the proxy asked for the usage chunk of the stream. */
  readonly cutsUsage: boolean;
  readonly limits: MeterLimits;
  readonly budget: ByteBudget;
}

export interface MeterLimits {
  /** One answer that is read as a whole, before and after inflating. */
  readonly answerBytesMax: number;
  /** One event of a stream. */
  readonly frameBytesMax: number;
}

export function createMeter(options: MeterOptions): AnswerMeter {
  const { reader, contentType, contentEncoding, cutsUsage, limits, budget } = options;
  if (reader === null) {
    return UNREAD;
  }
  const isStream = isEventStream(contentType);
  if (isStream && contentEncoding === null) {
    const { frameBytesMax } = limits;
    return new StreamMeter({ reader: reader.createStream(), cutsUsage, frameBytesMax });
  }
  return new BodyMeter({ reader, contentEncoding, isStream, bytesMax: limits.answerBytesMax, budget });
}

export function isEventStream(contentType: string | null): boolean {
  return contentType?.toLowerCase().startsWith('text/event-stream') ?? false;
}

const NOTHING: readonly Buffer[] = Object.freeze([]);

const UNREAD_READING: Reading = Object.freeze({ facts: null, deltas: null, isTooLarge: false, fault: null });

const UNREAD: AnswerMeter = Object.freeze({
  hasDelta: false,
  deltas: null,
  pass: (chunk: Buffer) => chunk,
  rest: () => NOTHING,
  read: () => UNREAD_READING,
  discard: () => {},
});
