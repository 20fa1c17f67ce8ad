import type { UsageEvent } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { AnswerMeter, Reading } from '../answer/answer-meter.ts';
import type { ProxyCounters } from '../metrics.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { buildEvents, UNKNOWN_OPERATION } from './build-events.ts';

/**
 * Turns attempts into events and hands these to the producer, after the answer has ended and never awaited by it.
 * The one place where an attempt is noted before its bytes leave, and where its end is booked: a crash journal
 * belongs between these two.
 */
export interface Recorder {
  /** The attempt's first byte is about to go upstream. */
  noted(attempt: Attempt): void;
  /** Nothing of it went upstream after all: there is nothing that a provider could bill, and no event. */
  dropped(attempt: Attempt): void;
  /** The attempt has ended. Its events are built when this turn of the event loop is over. */
  ended(attempt: Attempt, end: AttemptEnd, meter: AnswerMeter): void;
  /** Resolves when all that has ended is with the producer. */
  settled(): Promise<void>;
}

export interface RecorderOptions {
  /** Writes an event into a slab: the next position, or negative when it did not fit. May throw. */
  readonly encode: (event: UsageEvent, slab: Buffer, position: number) => number;
  /**
   * Copies the value and never blocks; `false`: the producer's bound is reached, the event was not taken. The bytes
   * are overwritten after the call.
   */
  readonly enqueue: (record: { key: string; value: Buffer }) => boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sourceRef: string;
  readonly counters: ProxyCounters;
  readonly logger: Pick<Logger, 'error'>;
}

/** The events of one attempt, one behind the other: an event takes a few kilobytes at most. */
const SLAB_BYTES = 1_048_576;
/** A loss is logged at most this often; the counters have every one. */
const LOSS_LOG_INTERVAL_MS = 1000;

export function createRecorder(options: RecorderOptions): Recorder {
  const { counters, now, sourceRef } = options;
  const waiting: Ended[] = [];
  const reading = new Set<Promise<void>>();
  const writer = createWriter(options);

  function flush(): void {
    for (const ended of waiting.splice(0)) {
      const { meter } = ended;
      const result = meter.read();
      if (!(result instanceof Promise)) {
        book(ended, result);
        continue;
      }
      const booked = result.then((later) => book(ended, later)).finally(() => reading.delete(booked));
      reading.add(booked);
    }
  }

  function book({ attempt, end }: Ended, result: Reading): void {
    if (attempt.attribution.userUnattributed) {
      counters.usersUnattributed.add('body');
    }
    if (result.fault !== null) {
      writer.lost({ tally: counters.meteringFaults, label: 'read', error: result.fault, attempt });
    } else if (attempt.operation === UNKNOWN_OPERATION || result.isTooLarge) {
      counters.unmetered.add(result.isTooLarge ? 'too_large' : 'no_reader');
    }
    const source = { sourceRef, ingestedAt: now() };
    try {
      writer.write(buildEvents(attempt, { ...end, reading: result }, source), attempt);
    } catch (error) {
      writer.lost({ tally: counters.meteringFaults, label: 'build', error, attempt });
      writeBare({ attempt, end }, { ...result, facts: null, fault: error });
    }
  }

  /** The attempt was made and has to be on record, whatever its usage did to our code. */
  function writeBare({ attempt, end }: Omit<Ended, 'meter'>, reading: Reading): void {
    try {
      const source = { sourceRef, ingestedAt: now() };
      writer.write(buildEvents(attempt, { ...end, reading }, source), attempt);
    } catch (error) {
      writer.lost({ tally: counters.eventsLost, label: 'build', error, attempt });
    }
  }

  return {
    noted() {
      // Nothing is kept before the answer ends yet: what is in memory dies with the process.
    },
    dropped() {
      // As above: there is no note to take back.
    },
    ended(attempt, end, meter) {
      if (waiting.push({ attempt, end, meter }) === 1) {
        setImmediate(flush);
      }
    },
    async settled() {
      flush();
      await Promise.all(reading);
    },
  };
}

interface Ended {
  readonly attempt: Attempt;
  readonly end: AttemptEnd;
  readonly meter: AnswerMeter;
}

interface Loss {
  readonly tally: ProxyCounters['eventsLost'];
  readonly label: string;
  readonly error: unknown;
  readonly attempt: Attempt;
}

interface Writer {
  /** Encodes all of an attempt's events, then hands them on: all or none. Throws what encoding throws. */
  write(events: readonly UsageEvent[], attempt: Attempt): void;
  lost(loss: Loss): void;
}

function createWriter({ encode, enqueue, now, counters, logger }: RecorderOptions): Writer {
  const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let loggedAt = Number.NEGATIVE_INFINITY;

  function lost({ tally, label, error, attempt }: Loss): void {
    tally.add(label);
    const at = now();
    if (at - loggedAt < LOSS_LOG_INTERVAL_MS) {
      return;
    }
    loggedAt = at;
    // Names of ours only: an error of a parser could quote what it read.
    const fault = error instanceof Error ? error.name : typeof error;
    logger.error(
      { stage: label, fault, generationId: attempt.id.generationId, provider: attempt.provider },
      'usage was not metered in full',
    );
  }

  function handOn(event: UsageEvent, value: Buffer): 'bound' | null {
    if (!enqueue({ key: event.operationId, value })) {
      return 'bound';
    }
    counters.events.add(event.usageSource);
    return null;
  }

  return {
    write(events, attempt) {
      const ends: number[] = [];
      let position = 0;
      for (const event of events) {
        position = encode(event, slab, position);
        if (position < 0) {
          throw new RangeError(`the events of one attempt take more than ${SLAB_BYTES} bytes`);
        }
        ends.push(position);
      }
      counters.attempts.add(events[0]?.outcome ?? 'ok');
      position = 0;
      for (const [index, event] of events.entries()) {
        const end = ends[index] ?? position;
        if (handOn(event, slab.subarray(position, end)) !== null) {
          lost({ tally: counters.eventsLost, label: 'bound', error: null, attempt });
        }
        position = end;
      }
    },
    lost,
  };
}
