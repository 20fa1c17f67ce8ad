const DAY_MS = 86_400_000;

/** The day as `2026-01-31`. */
export function dayText(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

/** The day's end, which is not part of it. */
export function dayEnd(day: number): number {
  return day + DAY_MS;
}
