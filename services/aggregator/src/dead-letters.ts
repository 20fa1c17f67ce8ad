import { type DeadLetter, encodeDeadLetter } from '@meterstone/events';
import type { ProducerRecord } from '@meterstone/kafka';

/**
 * Original bytes in one dead letter: a broker takes a record of just over a megabyte (its default), and the letter
 * must fit beside its own facts. Larger ones are cut; the reason says so, and the whole stands at the coordinates.
 */
export const LETTER_VALUE_BYTES_MAX = 1_000_000;

/**
 * The records that carry dead letters. The key is the letter's identity (stream, Kafka partition, offset): a replay
 * publishes the same letter again under the same key.
 */
export function toLetterRecords(letters: readonly DeadLetter[]): ProducerRecord[] {
  return letters.map((letter) => ({
    key: `${letter.stream}-${letter.kafkaPartition}-${letter.kafkaOffset}`,
    value: encodeDeadLetter(fitting(letter)),
  }));
}

function fitting(letter: DeadLetter): DeadLetter {
  const bytes = letter.recordValue?.length ?? 0;
  if (bytes <= LETTER_VALUE_BYTES_MAX) {
    return letter;
  }
  return {
    ...letter,
    recordValue: letter.recordValue?.subarray(0, LETTER_VALUE_BYTES_MAX) ?? null,
    reason: `${letter.reason}; cut here to ${LETTER_VALUE_BYTES_MAX} of ${bytes} bytes`,
  };
}
