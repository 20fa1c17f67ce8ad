import type { CommittedPosition, LogBounds } from '@meterstone/kafka';
import { type Intent, parseIntent } from './intent.ts';

/** Where a Kafka partition stands in the three places that know. */
export interface PartitionStanding {
  readonly stream: number;
  /** What the group has committed; `null` = nothing, or it has expired. */
  readonly committed: CommittedPosition | null;
  /** The ledger's position; `null` = nothing is stored. */
  readonly ledger: number | null;
  /** What the log holds; `null` = the topic has no such Kafka partition. */
  readonly log: LogBounds | null;
}

/** Where to go on, or why not by itself. */
export type StartDecision =
  | {
      readonly kind: 'start';
      readonly position: number;
      /** A range that was begun and is to be stored first, from that position; `null` = none. */
      readonly intent: Intent | null;
    }
  | { readonly kind: 'stop'; readonly cause: string };

/**
 * Where a Kafka partition goes on after an assignment. The ledger is the position of record: a group that is behind it
 * died before its commit, or its offsets have expired. Whatever else does not fit together is for a person.
 */
export function decideStart({ stream, committed, ledger, log }: PartitionStanding): StartDecision {
  const position = ledger ?? 0;
  if (log === null) {
    return stop('the topic no longer has this Kafka partition');
  }
  if (log.end < position) {
    return stop(
      `the log ends at ${log.end}, behind the ledger's ${position}: the topic was made again or cut`,
    );
  }
  if (committed !== null && committed.nextOffset > position) {
    return stop(
      `Kafka's position ${committed.nextOffset} is ahead of the ledger's ${position}: ClickHouse was restored or emptied`,
    );
  }
  if (log.start > position) {
    return stop(`the log starts at ${log.start}, beyond the ledger's ${position}: what lies between is gone`);
  }
  if (committed === null || committed.metadata === null) {
    return { kind: 'start', position, intent: null };
  }
  return decideWithNote({ stream, position, note: committed.metadata });
}

function decideWithNote({
  stream,
  position,
  note,
}: {
  stream: number;
  position: number;
  note: string;
}): StartDecision {
  const intent = parseIntent(note);
  if (intent === null) {
    return stop("the note beside Kafka's position is not an intent that this version can read");
  }
  if (intent.stream === stream && intent.nextOffset <= position) {
    // Stored whole; only the commit was missing.
    return { kind: 'start', position, intent: null };
  }
  if (intent.stream !== stream || intent.firstOffset !== position) {
    const { firstOffset, nextOffset } = intent;
    return stop(
      `an intent for offsets ${firstOffset} to ${nextOffset} of stream ${intent.stream} stands beside the ledger's ${position} of stream ${stream}`,
    );
  }
  return { kind: 'start', position, intent };
}

function stop(cause: string): StartDecision {
  return { kind: 'stop', cause };
}
