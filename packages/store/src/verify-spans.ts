/** A half-open span of time, epoch milliseconds. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** More spans than this are asked about as one: each is a query, and rows of one block are mostly close together. */
const SPANS_MAX = 16;

/** The whole periods of a length that hold any of the instants, neighbours joined, in order. */
export function spansOf(instants: readonly number[], periodMs: number): Span[] {
  const starts = [...new Set(instants.map((instant) => Math.floor(instant / periodMs) * periodMs))];
  starts.sort((a, b) => a - b);
  const spans: { start: number; end: number }[] = [];
  for (const start of starts) {
    const last = spans.at(-1);
    if (last?.end === start) {
      last.end += periodMs;
    } else {
      spans.push({ start, end: start + periodMs });
    }
  }
  const [first] = spans;
  const last = spans.at(-1);
  if (spans.length > SPANS_MAX && first !== undefined && last !== undefined) {
    return [{ start: first.start, end: last.end }];
  }
  return spans;
}
