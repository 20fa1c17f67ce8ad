import type { CredentialType, Outcome } from '@meterstone/metering';
import type { Attribution } from '../request/attribute.ts';
import type { EventId } from './event-ids.ts';

/** All that is known of an attempt before its first byte goes upstream. Never prompts, never key material. */
export interface Attempt {
  readonly id: EventId;
  /** The caller's own name for the operation, else the id as UUID. */
  readonly operationId: string;
  /** Epoch milliseconds: when the request came in. */
  readonly startedAt: number;
  readonly orgId: string;
  readonly apiKeyId: string;
  readonly attribution: Attribution;
  readonly credentialType: CredentialType;
  readonly provider: string;
  /** As it is sent to the provider; `null`: the body names none. */
  readonly requestModel: string | null;
  /** The reader's operation; `unknown` without one. */
  readonly operation: string;
  readonly serviceTierRequested: string | null;
  /** The caller asked for a stream. */
  readonly asksForStream: boolean;
  /** `null`: the body is no JSON object, so no text was counted. */
  readonly requestTextBytes: number | null;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  /** Our own word for what went wrong; a provider's word in the answer comes before it. */
  readonly errorType: string | null;
  /** `null`: no status line ever came. */
  readonly httpStatus: number | null;
  /** The answer was an event stream; `null`: no answer began. */
  readonly streamed: boolean | null;
  /** From the request's start to the first output of a stream; `null`: not a stream, or no output. */
  readonly timeToFirstTokenMs: number | null;
  /** `null`: the process died before it was over. */
  readonly durationMs: number | null;
}
