import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, toErrorBody } from './errors.ts';
import { GROUP_BY, readReportQuestion } from './report-question.ts';

const ASKER = { orgId: 'acme', apiKeyId: 'key_report' };
const DAYS = { start_date: '2026-01-01', end_date: '2026-01-31' };

function ask(query: Record<string, unknown>) {
  return readReportQuestion({ ...DAYS, ...query }, ASKER);
}

function refusal(query: Record<string, unknown>) {
  try {
    readReportQuestion(query, ASKER);
  } catch (error) {
    if (error instanceof ApiError) return toErrorBody(error).error;
    throw error;
  }
  return null;
}

describe('readReportQuestion', () => {
  it('asks for days of the whole org when only the dates are given, both days included', () => {
    expect(ask({})).toEqual({
      exact: false,
      question: {
        orgId: 'acme',
        start: Date.UTC(2026, 0, 1),
        end: Date.UTC(2026, 1, 1),
        groupBy: ['day'],
        datePart: null,
        filters: {
          userId: null,
          model: null,
          provider: null,
          credentialType: null,
          zeroDataRetention: null,
          tags: [],
          tagsMatch: 'any',
          apiKeyId: null,
          project: null,
          plan: null,
          serviceTier: null,
        },
        limit: 4096,
      },
    });
  });

  it('reads one day given twice as that day', () => {
    const { question } = ask({ start_date: '2024-02-29', end_date: '2024-02-29' });
    expect(question.end - question.start).toBe(86_400_000);
  });

  it.each(GROUP_BY)('groups by %s', (groupBy) => {
    expect(ask({ group_by: groupBy }).question.groupBy).toEqual([groupBy]);
  });

  it('reads every filter', () => {
    const { question, exact } = ask({
      group_by: 'model',
      date_part: 'hour',
      user_id: 'customer 7',
      model: 'anthropic/claude-sonnet-4.6',
      provider: 'anthropic',
      credential_type: 'byok',
      zero_data_retention: 'false',
      tags: 'b, a,b',
      tags_match: 'all',
      api_key_id: 'key_web',
      project: 'chat',
      plan: 'pro',
      service_tier: 'priority',
      exact: 'true',
      limit: '100000',
    });
    expect(exact).toBe(true);
    expect(question).toMatchObject({ datePart: 'hour', limit: 100_000 });
    expect(question.filters).toEqual({
      userId: 'customer 7',
      model: 'anthropic/claude-sonnet-4.6',
      provider: 'anthropic',
      credentialType: 'byok',
      zeroDataRetention: false,
      tags: ['b', 'a'],
      tagsMatch: 'all',
      apiKeyId: 'key_web',
      project: 'chat',
      plan: 'pro',
      serviceTier: 'priority',
    });
  });

  it('takes self for the key that asks', () => {
    expect(ask({ api_key_id: 'self' }).question.filters.apiKeyId).toBe('key_report');
  });

  it('takes an empty filter as the question for requests without that fact', () => {
    expect(ask({ user_id: '' }).question.filters.userId).toBe('');
  });

  it.each([
    [
      { end_date: '2026-01-31' },
      'start_date',
      'start_date is required, as YYYY-MM-DD, for example 2026-01-31',
    ],
    [{ start_date: '2026-01-01' }, 'end_date', 'end_date is required, as YYYY-MM-DD, for example 2026-01-31'],
    [
      { ...DAYS, start_date: '2026-02-30' },
      'start_date',
      'start_date must be a day of the calendar as YYYY-MM-DD, for example 2026-01-31',
    ],
    [
      { ...DAYS, end_date: '2026-01-31T00:00:00Z' },
      'end_date',
      'end_date must be a day of the calendar as YYYY-MM-DD, for example 2026-01-31',
    ],
    [{ ...DAYS, start_date: '1969-12-31' }, 'start_date', 'start_date must be from 1970-01-01 to 2105-12-31'],
    [
      { start_date: '2026-02-02', end_date: '2026-02-01' },
      'end_date',
      'end_date 2026-02-01 is before start_date 2026-02-02; both days are included, so give the same day twice for one day',
    ],
    [
      { ...DAYS, group_by: 'customer' },
      'group_by',
      'group_by must be one of day, user, model, tag, provider, credential_type, zero_data_retention, api_key_name, plan, project, service_tier',
    ],
    [{ ...DAYS, date_part: 'month' }, 'date_part', 'date_part must be day or hour'],
    [{ ...DAYS, credential_type: 'own' }, 'credential_type', 'credential_type must be byok or system'],
    [
      { ...DAYS, zero_data_retention: '1' },
      'zero_data_retention',
      'zero_data_retention must be true or false',
    ],
    [{ ...DAYS, tags: 'a,,b' }, 'tags', 'tags has an empty tag; separate tags by single commas'],
    [{ ...DAYS, tags: '' }, 'tags', 'tags has an empty tag; separate tags by single commas'],
    [{ ...DAYS, tags: 'x'.repeat(65) }, 'tags', 'tags has a tag of over 64 characters'],
    [
      { ...DAYS, tags: Array.from({ length: 101 }, (_, i) => `t${i}`).join(',') },
      'tags',
      'tags has at most 100 tags',
    ],
    [{ ...DAYS, tags_match: 'none' }, 'tags_match', 'tags_match must be any or all'],
    [{ ...DAYS, api_key_id: '' }, 'api_key_id', 'api_key_id must be a key id, or self for the key that asks'],
    [{ ...DAYS, user_id: 'x'.repeat(257) }, 'user_id', 'user_id has at most 256 characters'],
    [{ ...DAYS, model: 'a\0b' }, 'model', 'model must not contain a NUL character'],
    [{ ...DAYS, exact: 'yes' }, 'exact', 'exact must be true or false'],
    [{ ...DAYS, limit: '0' }, 'limit', 'limit must be a whole number from 1 to 100000'],
    [{ ...DAYS, limit: '100001' }, 'limit', 'limit must be a whole number from 1 to 100000'],
    [{ ...DAYS, limit: '1e3' }, 'limit', 'limit must be a whole number from 1 to 100000'],
    [{ ...DAYS, group_by: ['day', 'user'] }, 'group_by', 'group_by is given 2 times; give it once'],
  ])('refuses %j and says what to change', (query, param, message) => {
    expect(refusal(query)).toEqual({ type: 'invalid_request_error', param, message });
  });

  it('refuses an unknown parameter and lists those that exist', () => {
    expect(refusal({ ...DAYS, user: 'customer-7' })).toEqual({
      type: 'invalid_request_error',
      param: 'user',
      message:
        'Unknown parameter user. The report knows start_date, end_date, group_by, date_part, user_id, model, provider, credential_type, zero_data_retention, tags, tags_match, api_key_id, project, plan, service_tier, exact, limit.',
    });
  });

  it('never fails but with a coded error, whatever the query', () => {
    const parameter = fc.constantFrom(
      'start_date',
      'end_date',
      'group_by',
      'tags',
      'limit',
      'user_id',
      '__proto__',
    );
    const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.constantFrom('2026-01-01', 'day', 'self'));
    fc.assert(
      fc.property(fc.array(fc.tuple(parameter, value)), (pairs) => {
        const query: Record<string, unknown> = Object.assign(Object.create(null), Object.fromEntries(pairs));
        const body = refusal(query);
        expect(body === null || body['type'] === 'invalid_request_error').toBe(true);
      }),
    );
  });
});
