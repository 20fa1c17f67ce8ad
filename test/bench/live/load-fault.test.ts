import { expect, test } from 'vitest';
import { loadFault } from './load-fault.ts';

const RUN = {
  events: 9_900,
  seconds: 10,
  behindMsMax: 40,
  busy: 0.2,
  total: { events: 0, eventsByOrg: [], tokens: [] },
};

test('a load that kept its rate is enough', () => {
  expect(loadFault(RUN, 1_000)).toBeNull();
});

test('one that sent too little, or late, was the limit', () => {
  expect(loadFault({ ...RUN, events: 9_000 }, 1_000)).toContain('90 % of 1000 events/s');
  expect(loadFault({ ...RUN, behindMsMax: 900 }, 1_000)).toContain('at worst 900 ms late');
});
