import { type DeadLetter, decodeDeadLetter, EventDecodeError } from '@meterstone/events';
import { type KafkaClient, readLogBounds, readRange } from '@meterstone/kafka';
import { type LetterCoordinates, toLetterId } from './letter-id.ts';

/** Which dead letters are wanted; `null` = no matter. */
export interface LetterFilter {
  readonly code: string | null;
  /** Of the original record. */
  readonly kafkaPartition: number | null;
  /** Half-open range of the original record's timestamp, epoch milliseconds. */
  readonly from: number | null;
  readonly to: number | null;
  readonly letters: readonly LetterCoordinates[] | null;
}

export interface ReadLettersOptions {
  readonly kafka: KafkaClient;
  /** The topic of the dead letters. */
  readonly topic: string;
  readonly filter: LetterFilter;
  /** Told after each stretch how many records of the topic were read and how many there are. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** What the topic of the dead letters holds. */
export interface ReadLetters {
  /** In the order of their publication. */
  readonly letters: readonly DeadLetter[];
  /** Records that are no dead letters of a version that this program knows. */
  readonly unreadable: number;
}

export const NO_FILTER: LetterFilter = {
  code: null,
  kafkaPartition: null,
  from: null,
  to: null,
  letters: null,
};

/** Letters read at a time: a letter is up to a megabyte. */
const STRETCH_RECORDS = 200;
const LETTERS_KAFKA_PARTITION = 0;

/**
 * Reads the letters that the filter lets through. A letter that was published again, because its range was repeated after
 * a crash, is one letter: the first counts. Throws KafkaError `read_failed`.
 */
export async function readLetters(options: ReadLettersOptions): Promise<ReadLetters> {
  const { kafka, topic, filter, onProgress } = options;
  const bounds = (await readLogBounds(kafka, topic)).get(LETTERS_KAFKA_PARTITION);
  const { start, end } = bounds ?? { start: 0, end: 0 };
  const seen = new Set<string>();
  const letters: DeadLetter[] = [];
  let unreadable = 0;
  for (let from = start; from < end; from += STRETCH_RECORDS) {
    const to = Math.min(from + STRETCH_RECORDS, end);
    const records = await readRange({ kafka, topic, kafkaPartition: LETTERS_KAFKA_PARTITION, from, to });
    for (const { value } of records) {
      const letter = value === null ? null : readLetter(value);
      if (letter === null) unreadable += 1;
      else if (passes(letter, filter) && !seen.has(toLetterId(letter))) {
        seen.add(toLetterId(letter));
        letters.push(letter);
      }
    }
    onProgress?.(to - start, end - start);
  }
  return { letters, unreadable };
}

function readLetter(value: Buffer): DeadLetter | null {
  try {
    return decodeDeadLetter(value);
  } catch (error) {
    if (error instanceof EventDecodeError) return null;
    throw error;
  }
}

function passes(letter: DeadLetter, { code, kafkaPartition, from, to, letters }: LetterFilter): boolean {
  return (
    (code === null || letter.code === code) &&
    (kafkaPartition === null || letter.kafkaPartition === kafkaPartition) &&
    (from === null || letter.recordTimestamp >= from) &&
    (to === null || letter.recordTimestamp < to) &&
    (letters === null || letters.some((wanted) => toLetterId(wanted) === toLetterId(letter)))
  );
}
