import { type ReadUsageEvent, readUsageEvent } from '@meterstone/events';
import type { UsageEvent } from '@meterstone/metering';

/** The event that is being walked over, as an object: what is new is looked at as one. */
export class WalkedEvent {
  #value: Uint8Array = new Uint8Array(0);
  /** The hash of what it says, taken of its bytes. */
  content = 0;
  #read: ReadUsageEvent | null = null;

  begin(value: Uint8Array, content: number): void {
    this.#value = value;
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
    this.#read ??= readUsageEvent(this.#value);
    return this.#read;
  }
}
