import type { DeadLetter } from '@meterstone/events';

/** Where the record of a dead letter stood: its identity. */
export type LetterCoordinates = Pick<DeadLetter, 'stream' | 'kafkaPartition' | 'kafkaOffset'>;

const LETTER_ID_PATTERN = /^(\d{1,9})-(\d{1,9})-(\d{1,15})$/;

/** `<stream>-<Kafka partition>-<offset>`, which is also the key under which the letter was published. */
export function toLetterId({ stream, kafkaPartition, kafkaOffset }: LetterCoordinates): string {
  return `${stream}-${kafkaPartition}-${kafkaOffset}`;
}

/** The coordinates that such a name says; `null` for any other text. */
export function fromLetterId(text: string): LetterCoordinates | null {
  const match = LETTER_ID_PATTERN.exec(text);
  if (match === null) return null;
  const [stream = 0, kafkaPartition = 0, kafkaOffset = 0] = match.slice(1).map(Number);
  return { stream, kafkaPartition, kafkaOffset };
}
