import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { REPORT_CASES } from './report-cases.ts';
import { MEASURES } from './report-measures.ts';
import { planReport } from './report-plan.ts';
import { NO_FILTERS, type ReportQuestion } from './report-question.ts';
import { planSegments } from './report-sources.ts';

const QUESTION: ReportQuestion = {
  orgId: 'acme',
  start: Date.UTC(2026, 0, 1),
  end: Date.UTC(2026, 1, 1),
  groupBy: ['model'],
  datePart: null,
  filters: NO_FILTERS,
  limit: 10,
};

test.each(REPORT_CASES)('the query $name', ({ question }) => {
  const { sql, params, tables, fields } = planReport(question);
  expect({ tables, fields, params }).toMatchSnapshot();
  expect(`\n${sql}\n`).toMatchSnapshot();
});

test('nothing of the question stands in the text of the query', () => {
  const filters = {
    userId: 'x-user',
    model: 'x-model',
    provider: 'x-provider',
    credentialType: null,
    zeroDataRetention: false,
    tags: ['x-tag'],
    tagsMatch: 'any' as const,
    apiKeyId: 'x-key',
    project: 'x-project',
    plan: 'x-plan',
    serviceTier: 'x-tier',
  };
  const { sql, params } = planReport({ ...QUESTION, orgId: 'x-org', filters });
  expect(sql).not.toContain('x-');
  expect(JSON.stringify(params).match(/x-/g)).toHaveLength(9);
});

test.each<[string, Partial<ReportQuestion>, string[]]>([
  ['whole days are read by the day', {}, ['usage_day']],
  ['hours by the quarter of an hour', { datePart: 'hour' }, ['usage_15m']],
  ['tags from their own table', { groupBy: ['tag'] }, ['tags_15m']],
  ['a filter on tags as well', { filters: { ...NO_FILTERS, tags: ['a'] } }, ['tags_15m']],
  ['regions from where they are', { groupBy: ['region'] }, ['health_15m']],
  ['a filter on the operation as well', { filters: { ...NO_FILTERS, operation: 'chat' } }, ['health_15m']],
  ['what no rollup holds together from raw', { groupBy: ['outcome', 'project'] }, ['raw_events']],
  ['all users by the day', { groupBy: ['user', 'day'] }, ['user_day']],
  ['all users on a plan', { groupBy: ['user'], filters: { ...NO_FILTERS, plan: 'pro' } }, ['user_day']],
  ['all users by the hour from raw', { groupBy: ['user'], datePart: 'hour' }, ['raw_events']],
  ['all users by model from raw', { groupBy: ['user', 'model'] }, ['raw_events']],
  ['one user from raw', { filters: { ...NO_FILTERS, userId: '' } }, ['raw_events']],
  [
    'the edges of a range from finer tables',
    { start: QUESTION.start + 900_000, end: QUESTION.end - 1 },
    ['usage_15m', 'usage_day', 'usage_15m', 'raw_events'],
  ],
  [
    'a range within a day from what is fine enough',
    { start: QUESTION.start + 900_001, end: QUESTION.start + 3 * 900_000 },
    ['raw_events', 'usage_15m'],
  ],
  [
    'users at the edges from raw',
    { groupBy: ['user'], end: QUESTION.end - 900_000 },
    ['user_day', 'raw_events'],
  ],
])('%s', (_, facts, tables) => {
  expect(planReport({ ...QUESTION, ...facts }).tables).toEqual(tables);
});

test('the parts of a range tile it', () => {
  fc.assert(
    fc.property(fc.nat(400_000_000), fc.integer({ min: 1, max: 400_000_000 }), (after, length) => {
      const start = QUESTION.start + after;
      const segments = planSegments({ ...QUESTION, start, end: start + length }, ['model']);
      expect(segments[0]?.start).toBe(start);
      expect(segments.at(-1)?.end).toBe(start + length);
      for (const [i, segment] of segments.entries()) {
        expect(segment.start).toBeLessThan(segment.end);
        expect(segment.start % segment.source.periodMs).toBe(0);
        expect(segment.end % segment.source.periodMs).toBe(0);
        if (i > 0) expect(segment.start).toBe(segments[i - 1]?.end);
      }
    }),
  );
});

test('an empty range is refused', () => {
  expect(() => planReport({ ...QUESTION, end: QUESTION.start })).toThrowError(RangeError);
});

test('time comes first, and each field once', () => {
  expect(planReport({ ...QUESTION, groupBy: ['model', 'day', 'model'] }).fields).toEqual(['day', 'model']);
  expect(planReport({ ...QUESTION, groupBy: ['day'], datePart: 'hour' }).fields).toEqual(['hour']);
  expect(planReport({ ...QUESTION, groupBy: [] }).fields).toEqual(['day']);
});

test('every token bucket is in exactly one measure', () => {
  const summed = MEASURES.flatMap(({ fromRollup }) => fromRollup.match(/t\.\w+_tokens\b/g) ?? []);
  expect(summed.sort()).toEqual(TOKEN_BUCKETS.map((bucket) => `t.${bucketColumn(bucket)}`).sort());
});
