import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleEvent, exampleRating } from './example-row.ts';
import { openTestStore, type TestStore } from './open-test-store.ts';
import { type ReportAnswer, readReport } from './read-report.ts';
import { readSpend } from './read-spend.ts';
import { REPORT_CASES, REPORT_ROWS } from './report-cases.ts';
import { NO_FILTERS, type ReportQuestion } from './report-question.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
  // Two inserts, so that sums must be made over parts.
  await store.insert(REPORT_ROWS.slice(0, 4));
  await store.insert(REPORT_ROWS.slice(4));
});

afterAll(() => store.close());

const WHOLE: ReportQuestion = {
  orgId: 'acme',
  start: Date.UTC(2026, 0, 1),
  end: Date.UTC(2026, 0, 3),
  groupBy: ['day'],
  datePart: null,
  filters: NO_FILTERS,
  limit: 4096,
};

test.each(REPORT_CASES)('the report $name', async ({ question, rows }) => {
  const answer = await readReport(store.client, question);
  const stated = answer.rows.map(({ group, requestCount, attempts, inputTokens, totalCost, charge }) => [
    ...Object.values(group),
    requestCount,
    attempts,
    inputTokens,
    totalCost,
    charge,
  ]);
  expect(stated).toEqual(rows);
  expect(answer.truncated).toBe(rows.some((row) => row[0] === '(other)'));
});

test('every column of a day', async () => {
  const { rows } = await readReport(store.client, WHOLE);
  expect(rows).toEqual([
    {
      group: { day: '2026-01-01' },
      requestCount: 2,
      attempts: 3,
      inputTokens: 160,
      // 20 + 1 audio + 2 image, and 5 of the second request.
      outputTokens: 28,
      cachedInputTokens: 33,
      cacheCreationInputTokens: 12,
      reasoningTokens: 5,
      unpricedCount: 0,
      estimatedCount: 0,
      marketCost: 30n,
      totalCost: 11n,
      surchargeCost: 1n,
      charge: 15n,
      margin: 4n,
    },
    {
      group: { day: '2026-01-02' },
      requestCount: 2,
      attempts: 2,
      inputTokens: 1158,
      outputTokens: 137,
      cachedInputTokens: 0,
      cacheCreationInputTokens: 0,
      reasoningTokens: 0,
      unpricedCount: 1,
      estimatedCount: 1,
      marketCost: 25n,
      totalCost: 48n,
      surchargeCost: 3n,
      charge: 53n,
      // 50 − 40, 6 − 5 and −3 + 1; the unpriced line, which cost 4, is left out.
      margin: 9n,
    },
  ]);
});

test('raw and the rollup answer alike', async () => {
  // Between the two ends nothing happened, and only the first is the end of a period.
  const question = { ...WHOLE, groupBy: ['model', 'tag', 'plan'] } as const;
  const fromRollup = await readReport(store.client, { ...question, end: Date.UTC(2026, 0, 2, 23, 45) });
  const fromRaw = await readReport(store.client, { ...question, end: Date.UTC(2026, 0, 2, 23, 59, 59, 999) });
  expect(fromRaw.rows).toHaveLength(5);
  expect(fromRaw).toEqual(fromRollup);
});

test('rows cut off sum to the whole, whatever the limit', async () => {
  for (const groupBy of [['user'], ['model'], ['day', 'project']] as const) {
    const whole = sumOf(await readReport(store.client, { ...WHOLE, groupBy }));
    for (const limit of [1, 2, 3, 4]) {
      const answer = await readReport(store.client, { ...WHOLE, groupBy, limit });
      expect(answer.rows.length).toBeLessThanOrEqual(limit);
      expect(sumOf(answer)).toEqual(whole);
    }
  }
});

test('names and tags of any characters are found and given back', async () => {
  const names = [
    'O\'Brien \\ "x"',
    'tab\tnew\nline\0nul',
    '日本 😀🎉',
    '{org_id:String}',
    "') OR 1=1 --",
    '\\N',
    '%_',
  ];
  await store.insert(
    names.map((name) => ({
      event: exampleEvent({ orgId: 'odd', user: name, tags: [name], project: name, occurredAt: WHOLE.start }),
      rating: exampleRating({ totalCost: 3n }),
    })),
  );
  for (const name of names) {
    const filters = { ...NO_FILTERS, userId: name, tags: [name, 'no such tag'], project: name };
    const question = { ...WHOLE, orgId: 'odd', groupBy: ['user', 'tag', 'project'] as const, filters };
    const { rows } = await readReport(store.client, question);
    expect(rows.map(({ group }) => group)).toEqual([{ user: name, tag: name, project: name }]);
  }
});

test('a user whose name was erased stands as a key, apart from usage without a user', async () => {
  const at = WHOLE.start;
  await store.insert([
    {
      event: exampleEvent({ orgId: 'erased', user: 'gone', occurredAt: at }),
      rating: exampleRating({ totalCost: 2n }),
    },
    {
      event: exampleEvent({ orgId: 'erased', user: null, occurredAt: at }),
      rating: exampleRating({ totalCost: 1n }),
    },
  ]);
  await store.client.command({ query: "DELETE FROM users WHERE org_id = 'erased'" });
  const { rows } = await readReport(store.client, { ...WHOLE, orgId: 'erased', groupBy: ['user'] });
  const key = Buffer.from(store.userKey('erased', 'gone')).toString('hex');
  expect(rows.map(({ group, totalCost }) => [group.user, totalCost])).toEqual([
    [key, 2n],
    ['', 1n],
  ]);
});

test('an org without usage has no rows and no spend', async () => {
  expect(await readReport(store.client, { ...WHOLE, orgId: 'nobody' })).toEqual({
    rows: [],
    truncated: false,
  });
  expect(await readSpend(store.client, 'nobody')).toBe(0n);
});

test('spend is the total cost of all time', async () => {
  // 59 in the two days, and 7,777 each before and after them.
  expect(await readSpend(store.client, 'acme')).toBe(59n + 2n * 7777n);
});

test('a count beyond 2^53 is an error and no wrong number', async () => {
  const event = { orgId: 'huge', inputTokens: Number.MAX_SAFE_INTEGER, occurredAt: WHOLE.start };
  await store.insert([
    { event: exampleEvent(event), rating: exampleRating() },
    { event: exampleEvent(event), rating: exampleRating() },
  ]);
  await expect(readReport(store.client, { ...WHOLE, orgId: 'huge' })).rejects.toMatchObject({
    code: 'unsafe_count',
    retryable: false,
  });
});

function sumOf({ rows }: ReportAnswer) {
  const sum = {
    requestCount: 0,
    attempts: 0,
    inputTokens: 0,
    unpricedCount: 0,
    totalCost: 0n,
    charge: 0n,
    margin: 0n,
  };
  for (const row of rows) {
    sum.requestCount += row.requestCount;
    sum.attempts += row.attempts;
    sum.inputTokens += row.inputTokens;
    sum.unpricedCount += row.unpricedCount;
    sum.totalCost += row.totalCost;
    sum.charge += row.charge;
    sum.margin += row.margin;
  }
  return sum;
}
