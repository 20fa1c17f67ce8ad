import type { PlacedRecord } from '@meterstone/kafka';
import { IdentityKey } from '../identity-key.ts';
import { readRecord } from '../read-record.ts';
import { EventWalk } from './event-walk.ts';

/** Reads of records only who they are and what they say: all that a duplicate window has to know of them. */
export class IdentityReader {
  readonly key = new IdentityKey();
  /** Hash of what the event says. */
  content = 0;
  readonly #walk = new EventWalk();
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #room = { bytes: this.#scratch, view: new DataView(this.#scratch.buffer), position: 0 };

  /** Takes a record's identity; false = it holds no event that could be booked. */
  read(record: PlacedRecord): boolean {
    const walk = this.#walk;
    if (walk.walk(record, this.#room) >= 0 && walk.isOfTexts()) {
      this.key.read(walk.row.bytes, walk.idAt, walk.line);
      this.content = walk.hashContent();
      return true;
    }
    const read = readRecord(record);
    if (read.kind === 'fault') {
      return false;
    }
    this.key.read(read.event.eventId, 0, read.event.line);
    this.content = read.content;
    return true;
  }
}

/** More than a row may have. */
const SCRATCH_BYTES = 65_536;
