import { expect, test } from 'vitest';
import { createCanaryBook } from './canary-book.ts';

test('a request is seen when a report shows one more of its user', () => {
  const book = createCanaryBook();
  book.answered('a', 100);
  book.answered('b', 150);
  book.reported(new Map([['a', 0]]), 200);
  expect(book.unseen).toBe(2);
  book.reported(new Map([['b', 1]]), 250);
  book.reported(
    new Map([
      ['a', 1],
      ['b', 1],
    ]),
    300,
  );
  expect(book.take()).toEqual([100, 200]);
  expect(book.take()).toEqual([]);
  expect(book.unseen).toBe(0);
});

test('several of one user are seen in the order in which they were answered', () => {
  const book = createCanaryBook();
  book.answered('a', 100);
  book.answered('a', 5_100);
  book.reported(new Map([['a', 1]]), 5_200);
  expect(book.take()).toEqual([5_100]);
  book.reported(new Map([['a', 2]]), 5_300);
  expect(book.take()).toEqual([200]);
});

test('one that was seen before its answer was noted took no time', () => {
  const book = createCanaryBook();
  book.reported(new Map([['a', 1]]), 90);
  book.answered('a', 100);
  book.answered('a', 200);
  expect(book.take()).toEqual([0]);
  expect(book.unseen).toBe(1);
});

test('a report of before changes nothing', () => {
  const book = createCanaryBook();
  book.answered('a', 100);
  book.reported(new Map([['a', 1]]), 200);
  book.reported(new Map(), 300);
  book.reported(new Map([['a', 1]]), 400);
  expect(book.take()).toEqual([100]);
});
