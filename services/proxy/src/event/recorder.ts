import type { EncodedEvent, JournalEntry } from '@meterstone/journal';
import type { UsageEvent } from '@meterstone/metering';
import type { Logger } from '@meterstone/runtime';
import type { AnswerMeter, Reading } from '../answer/answer-meter.ts';
import { ProxyError } from '../errors.ts';
import type { ProxyCounters } from '../metrics.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { buildEvents, buildOrphan, UNKNOWN_OPERATION } from './build-events.ts';

/** An attempt that may go upstream, and where it is noted. */
export interface NotedAttempt {
  readonly attempt: Attempt;
  /** `null`: the journal takes no notes just now. */
  readonly entry: JournalEntry | null;
}

/**
 * Turns attempts into events and hands these on, after the answer has ended and never awaited by it. The one place
 * where an attempt is noted before its bytes leave, and where its end is booked.
 */
export interface Recorder {
  /**
   * The attempt is about to go upstream: notes it. It may go when {@link whenNoted} calls back. ProxyError
   * `journal_full` where the operator wants no request to go out unnoted.
   */
  note(attempt: Attempt): NotedAttempt;
  /** Calls back when all notes so far are written. */
  whenNoted(callback: () => void): void;
  /** The attempt goes on: what is known of it by now, in case this process does not see its end. */
  renew(noted: NotedAttempt, deltas: number | null): void;
  /** Nothing of it went upstream after all: there is nothing that a provider could bill, and no event. */
  dropped(noted: NotedAttempt): void;
  /** The attempt has ended. Its events are built when this turn of the event loop is over. */
  ended(noted: NotedAttempt, end: AttemptEnd, meter: AnswerMeter): void;
  /** Resolves when the events of all that has ended are handed on. */
  settled(): Promise<void>;
}

/** Where notes and events go: a journal, and the producer behind it. */
export interface EventSink {
  /** `null`: not kept. May throw what encoding throws. */
  note(event: UsageEvent): JournalEntry | null;
  whenNoted(callback: () => void): void;
  renew(entry: JournalEntry, event: UsageEvent): void;
  drop(entry: JournalEntry): void;
  /**
   * Takes all events of an attempt, copies them and never blocks. Returns how many of them neither memory nor journal
   * could take.
   */
  send(
    entry: JournalEntry | null,
    attempt: { readonly eventId: Uint8Array; readonly records: readonly EncodedEvent[] },
  ): number;
}

export interface RecorderOptions {
  /** Writes an event into a slab: the next position, or negative when it did not fit. May throw. */
  readonly encode: (event: UsageEvent, slab: Buffer, position: number) => number;
  readonly sink: EventSink;
  /** What becomes of a request that cannot be noted: it is served and counted, or refused. */
  readonly whenJournalFull: 'serve' | 'refuse';
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
  const { counters, now, sink, sourceRef, whenJournalFull } = options;
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

  function book({ noted, end }: Ended, result: Reading): void {
    const { attempt } = noted;
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
      writer.write(buildEvents(attempt, { ...end, reading: result }, source), noted);
    } catch (error) {
      writer.lost({ tally: counters.meteringFaults, label: 'build', error, attempt });
      writeBare({ noted, end }, { ...result, facts: null, fault: error });
    }
  }

  /** The attempt was made and has to be on record, whatever its usage did to our code. */
  function writeBare({ noted, end }: Omit<Ended, 'meter'>, reading: Reading): void {
    const { attempt } = noted;
    try {
      const source = { sourceRef, ingestedAt: now() };
      writer.write(buildEvents(attempt, { ...end, reading }, source), noted);
    } catch (error) {
      writer.lost({ tally: counters.eventsLost, label: 'build', error, attempt });
    }
  }

  /** `null`: not kept, for whatever reason. A fault of ours never fails a request. */
  function tryNote(attempt: Attempt): JournalEntry | null {
    try {
      return sink.note(buildOrphan(attempt, { deltas: null, sourceRef }));
    } catch (error) {
      writer.lost({ tally: counters.meteringFaults, label: 'note', error, attempt });
      return null;
    }
  }

  return {
    note(attempt) {
      const entry = tryNote(attempt);
      if (entry === null && whenJournalFull === 'refuse') {
        throw new ProxyError('journal_full', 'usage cannot be recorded just now, try again');
      }
      return { attempt, entry };
    },
    whenNoted: (callback) => sink.whenNoted(callback),
    renew({ attempt, entry }, deltas) {
      if (entry === null) {
        return;
      }
      try {
        sink.renew(entry, buildOrphan(attempt, { deltas, sourceRef }));
      } catch (error) {
        writer.lost({ tally: counters.meteringFaults, label: 'note', error, attempt });
      }
    },
    dropped({ entry }) {
      if (entry !== null) {
        sink.drop(entry);
      }
    },
    ended(noted, end, meter) {
      if (waiting.push({ noted, end, meter }) === 1) {
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
  readonly noted: NotedAttempt;
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
  write(events: readonly UsageEvent[], noted: NotedAttempt): void;
  lost(loss: Loss): void;
}

function createWriter({ encode, sink, now, counters, logger }: RecorderOptions): Writer {
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

  return {
    write(events, { attempt, entry }) {
      const records: EncodedEvent[] = [];
      let position = 0;
      for (const event of events) {
        const end = encode(event, slab, position);
        if (end < 0) {
          throw new RangeError(`the events of one attempt take more than ${SLAB_BYTES} bytes`);
        }
        records.push({ key: event.operationId, value: slab.subarray(position, end) });
        position = end;
      }
      counters.attempts.add(events[0]?.outcome ?? 'ok');
      const lostEvents = sink.send(entry, { eventId: attempt.id.bytes, records });
      for (let index = 0; index < events.length - lostEvents; index++) {
        counters.events.add(events[index]?.usageSource ?? 'none');
      }
      for (let index = 0; index < lostEvents; index++) {
        lost({ tally: counters.eventsLost, label: 'bound', error: null, attempt });
      }
    },
    lost,
  };
}
