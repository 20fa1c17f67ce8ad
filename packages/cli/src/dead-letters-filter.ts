import { fromLetterId, type LetterCoordinates, type LetterFilter } from '@meterstone/recovery';
import { InvalidArgumentError } from 'commander';

/** The filter as the command line gives it; absent = no matter. */
export interface FilterOptions {
  readonly code?: string;
  readonly kafkaPartition?: number;
  readonly from?: number;
  readonly to?: number;
}

/** The filter of options and letters; no letters = whichever. */
export function toFilter(options: FilterOptions, letters: readonly LetterCoordinates[] = []): LetterFilter {
  return {
    code: options.code ?? null,
    kafkaPartition: options.kafkaPartition ?? null,
    from: options.from ?? null,
    to: options.to ?? null,
    letters: letters.length === 0 ? null : letters,
  };
}

/** The letter of a name. */
export function parseLetter(text: string): LetterCoordinates {
  const coordinates = fromLetterId(text);
  if (coordinates !== null) return coordinates;
  throw new InvalidArgumentError('a dead letter is named <stream>-<Kafka partition>-<offset>');
}

/** One more letter of a list. */
export function parseLetters(text: string, before: readonly LetterCoordinates[] = []): LetterCoordinates[] {
  return [...before, parseLetter(text)];
}

/** A whole number that is not negative. */
export function parseWhole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it is no whole number');
}

/** An instant in ISO 8601, or a day, which begins at midnight UTC; epoch milliseconds. */
export function parseInstant(text: string): number {
  const instant = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (!Number.isNaN(instant)) return instant;
  throw new InvalidArgumentError('write a day as 2026-01-31 or an instant as 2026-01-31T12:00:00Z, in UTC');
}
