import type { Finding } from './compare.ts';

/** Of each kind. */
const FINDINGS_SHOWN_MAX = 3;

/** Findings as lines for a person: how many of each kind, and a few of them. */
export function findingLines(findings: readonly Finding[]): string[] {
  return [...Map.groupBy(findings, ({ kind }) => kind)].flatMap(([kind, found]) => [
    `  FOUND ${found.length} × ${kind}`,
    ...found
      .slice(0, FINDINGS_SHOWN_MAX)
      .map((each) => `    ${each.where}: expected ${each.expected}, found ${each.found}`),
  ]);
}
