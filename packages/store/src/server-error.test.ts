import { ClickHouseError } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { StoreError } from './errors.ts';
import { toStoreError } from './server-error.ts';

const OPEN = new AbortController().signal;

test.each([
  ['252', 'TOO_MANY_PARTS', 'server_busy', true],
  ['241', 'MEMORY_LIMIT_EXCEEDED', 'server_busy', true],
  ['497', 'ACCESS_DENIED', 'server_refused', false],
  ['60', 'UNKNOWN_TABLE', 'server_refused', false],
])('ClickHouse error %s (%s) is %s', (code, type, expected, retryable) => {
  const cause = new ClickHouseError({ code, type, message: 'text that may change' });
  expect(toStoreError(cause, OPEN)).toMatchObject({ code: expected, retryable, serverCode: code, cause });
});

test('a broken connection is unreachable, or our deadline if that has passed', () => {
  const broken = new Error('socket hang up');
  expect(toStoreError(broken, OPEN)).toMatchObject({
    code: 'unreachable',
    retryable: true,
    serverCode: null,
  });
  expect(toStoreError(broken, AbortSignal.abort())).toMatchObject({
    code: 'deadline_exceeded',
    retryable: true,
  });
});

test('our own error stays what it is', () => {
  const own = new StoreError('incomplete_answer', 'half', { retryable: true });
  expect(toStoreError(own, OPEN)).toBe(own);
});
