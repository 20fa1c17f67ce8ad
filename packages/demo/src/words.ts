/** Words the demo speaks. One word is one token here, so that every sum can be checked by hand. */
const WORDS = ['tokens', 'pass', 'through', 'the', 'meter', 'and', 'each', 'one', 'is', 'counted', 'once'];

/** A text of exactly `count` words. */
export function wordsOf(count: number): string {
  return Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length]).join(' ');
}

/** How many words a text has: the demo provider's tokenizer. */
export function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}
