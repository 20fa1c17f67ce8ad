/** Milliseconds of a UTC day; UTC has no daylight saving and epoch time no leap seconds. */
export const DAY_MS = 86_400_000;

/** A span of time, half-open: `start` ≤ t < `end`, epoch milliseconds UTC. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

const DAY_PATTERN = /^(\d{4})-(\d{2})-(\d{2})$/;

/** `YYYY-MM-DD` → the instant the UTC day begins; `null` for other forms and for days no calendar has. */
export function parseDay(text: string): number | null {
  const match = DAY_PATTERN.exec(text);
  if (match === null) return null;
  const [, year = '', month = '', day = ''] = match;
  const instant = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // The calendar carries over (February 30 becomes March 2); a real date reads back as itself.
  return formatDay(instant) === text ? instant : null;
}

/** The UTC day of an instant, `YYYY-MM-DD`. */
export function formatDay(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}

/** Inclusive UTC days → half-open instants; `null` when a date is not real or the end is before the start. */
export function dayRange(startDate: string, endDate: string): Period | null {
  const start = parseDay(startDate);
  const lastDay = parseDay(endDate);
  if (start === null || lastDay === null || lastDay < start) return null;
  return { start, end: lastDay + DAY_MS };
}
