import type { FetchedRecord } from '@meterstone/kafka';

/** As `meterstone dead-letters replay` writes it: the letter's stream, Kafka partition and offset. */
const REPLAY_KEY_PATTERN = /^replay-\d+-\d+-\d+$/;
const KEY_BYTES_MAX = 64;
const R = 0x72;

/**
 * Whether a record is a dead letter that was sent again. The record that it was made of stands in the window as well, and
 * may have become readable since (a newer version, another limit), so that the window would take the letter for a copy of
 * what was never stored. Whether a replayed letter is a duplicate is told by the rows of the ranges before, and by what
 * stands in its own range. That holds whatever the key names: a key that lies, too, doubles nothing.
 */
export function isReplay({ key }: FetchedRecord): boolean {
  return (
    key !== null &&
    key[0] === R &&
    key.length <= KEY_BYTES_MAX &&
    REPLAY_KEY_PATTERN.test(key.toString('latin1'))
  );
}
