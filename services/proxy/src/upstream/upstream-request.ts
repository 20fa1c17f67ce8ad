import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { UsageReader } from '@meterstone/providers';
import type { Dispatcher } from 'undici';
import type { ByteBudget } from '../answer/byte-budget.ts';
import type { MeterLimits } from '../answer/meter.ts';
import type { Attempt } from '../event/attempt.ts';
import type { Recorder } from '../event/recorder.ts';
import type { ProxyCounters } from '../metrics.ts';
import type { ReadNames } from './answer-names.ts';
import type { Drains } from './drains.ts';
import type { Sweep } from './sweep.ts';

export interface ExchangeLimits extends MeterLimits {
  /** A provider may be silent for so long, before its answer and between two parts of it. */
  readonly upstreamSilenceMsMax: number;
  /** A client may leave what it was sent unread for so long; then it counts as gone. */
  readonly clientStallMsMax: number;
  /** The note of an attempt that goes on is renewed so often, with the deltas seen by then. */
  readonly noteRenewalMs: number;
  /** After the client has gone, its answer is read on for so long, */
  readonly drainMs: number;
  /** and for so many bytes. */
  readonly drainBytesMax: number;
}

export interface ExchangeContext {
  readonly limits: ExchangeLimits;
  readonly sweep: Sweep;
  readonly drains: Drains;
  readonly budget: ByteBudget;
  readonly recorder: Recorder;
  readonly counters: ProxyCounters;
  readonly readNames: ReadNames;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** One request as it goes upstream. */
export interface UpstreamRequest {
  readonly dispatcher: Dispatcher;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer | Readable | null;
  /** `null`: no reader knows this path. */
  readonly reader: UsageReader | null;
  /** Only the proxy asked for the stream's usage chunk. */
  readonly cutsUsage: boolean;
  readonly attempt: Attempt;
  /** Called once, when nothing more will be read or written. */
  readonly onSettled: () => void;
}

/** The two ends of the connection to the client. */
export interface Client {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
