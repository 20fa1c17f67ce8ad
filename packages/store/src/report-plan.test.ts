import { bucketColumn, TOKEN_BUCKETS } from '@meterstone/metering';
import { expect, test } from 'vitest';
import { REPORT_CASES } from './report-cases.ts';
import { MEASURES } from './report-measures.ts';
import { planReport } from './report-plan.ts';
import { NO_FILTERS, type ReportQuestion } from './report-question.ts';

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
  const { sql, params, table, fields } = planReport(question);
  expect({ table, fields, params }).toMatchSnapshot();
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

test('users and ranges within a period are read from raw, all else from the rollup', () => {
  expect(planReport(QUESTION).table).toBe('usage_15m');
  expect(planReport({ ...QUESTION, start: QUESTION.start + 900_000 }).table).toBe('usage_15m');
  expect(planReport({ ...QUESTION, end: QUESTION.end - 1 }).table).toBe('raw_events');
  expect(planReport({ ...QUESTION, groupBy: ['model', 'user'] }).table).toBe('raw_events');
  expect(planReport({ ...QUESTION, filters: { ...NO_FILTERS, userId: '' } }).table).toBe('raw_events');
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
