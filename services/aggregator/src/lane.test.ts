import { describe, expect, it } from 'vitest';
import { exampleEvent } from './example.ts';
import { IdFilter } from './id-filter.ts';
import { extendFilter, UNREAD } from './lane.ts';

const ids = (...names: readonly number[]) => names.map((name) => exampleEvent(name).eventId);

describe('the filter of a lane', () => {
  it('knows the ids of a range as soon as it is stored', () => {
    const filter = { isRead: true, ids: new IdFilter(10) };
    const [first, second, other] = ids(1, 2, 3);
    const extended = extendFilter(filter, ids(1, 2));
    expect([first, second, other].map((id) => extended.ids?.mayHave(id ?? expect.fail()))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('is read anew once it is full, and stays away where there is none', () => {
    const full = { isRead: true, ids: new IdFilter(1) };
    expect(extendFilter(full, ids(1, 2))).toBe(UNREAD);
    const none = { isRead: true, ids: null };
    expect(extendFilter(none, ids(1))).toBe(none);
    expect(extendFilter(UNREAD, ids(1))).toBe(UNREAD);
  });
});
