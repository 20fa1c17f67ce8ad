import { type ReadUsageEvent, readUsageEvent } from '@meterstone/events';
import type { FetchedRecord } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';

/** The event that is being walked over, as an object: what is new is looked at as one. */
export class WalkedEvent {
  #record: FetchedRecord | null = null;
  /** The hash of what it says, taken of its bytes. */
  content = 0;
  #read: ReadUsageEvent | null = null;

  begin(record: FetchedRecord, content: number): void {
    this.#record = record;
    this.content = content;
    this.#read = null;
  }

  get event(): UsageEvent {
    return this.#readOnce().event;
  }

  /** Whether all its texts are texts: what is no UTF-8 is read as something else, whose hash is another. */
  get isOfTexts(): boolean {
    return this.#readOnce().content === this.content;
  }

  #readOnce(): ReadUsageEvent {
    this.#read ??= readUsageEvent(this.#record?.value ?? NO_BYTES);
    return this.#read;
  }
}

const NO_BYTES = new Uint8Array(0);
