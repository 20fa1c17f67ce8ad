import { expect, it } from 'vitest';
import { findStops, type StopFacts } from './stops.ts';

const facts = (changes: Partial<StopFacts> = {}): StopFacts => ({
  stream: 1,
  topicId: 'a',
  isNewIncarnation: false,
  members: 0,
  ledger: new Map([[0, 100]]),
  committed: new Map([[0, 100]]),
  notes: new Map(),
  log: new Map([[0, { start: 0, end: 120 }]]),
  ...changes,
});

it('finds nothing where ledger, group and log agree, and where Kafka is only behind', () => {
  expect(findStops(facts())).toEqual([]);
  expect(findStops(facts({ committed: new Map([[0, 40]]) }))).toEqual([]);
  expect(findStops(facts({ committed: new Map() }))).toEqual([]);
});

it.each([
  ['kafka_ahead', { committed: new Map([[0, 110]]) }, 'from-ledger'],
  ['log_ends_before', { log: new Map([[0, { start: 0, end: 90 }]]) }, null],
  ['log_starts_after', { log: new Map([[0, { start: 105, end: 120 }]]) }, 'skip-lost'],
] as const)('finds %s, names both numbers and the decision', (cause, changes, decision) => {
  const [stop, ...others] = findStops(facts(changes));
  expect(others).toEqual([]);
  expect(stop).toMatchObject({ kafkaPartition: 0, cause, decision });
  expect(stop?.detail).toMatch(/\d+.*100|100.*\d+/);
});

it.each([
  ['the next range', '{"format":1,"stream":1,"first":100,"next":110}', 0],
  ['a stored range', '{"format":1,"stream":1,"first":90,"next":100}', 0],
  ['a range beyond', '{"format":1,"stream":1,"first":105,"next":110}', 1],
  ['a range of another stream', '{"format":1,"stream":2,"first":100,"next":110}', 1],
  ['no intent', 'somebody was here', 1],
])('holds a note of %s against the ledger', (_name, note, count) => {
  const stops = findStops(facts({ notes: new Map([[0, note]]) }));
  expect(stops).toHaveLength(count);
  for (const stop of stops) expect(stop).toMatchObject({ cause: 'intent_differs', decision: 'from-ledger' });
});

it('takes a Kafka partition that the ledger does not know for one that was never read', () => {
  const log = new Map([[3, { start: 7, end: 9 }]]);
  expect(findStops(facts({ log, ledger: new Map(), committed: new Map() }))).toMatchObject([
    { kafkaPartition: 3, cause: 'log_starts_after', decision: 'skip-lost' },
  ]);
});

it('says of a topic that was made again only that', () => {
  const stops = findStops(facts({ isNewIncarnation: true, log: new Map([[0, { start: 0, end: 3 }]]) }));
  expect(stops).toMatchObject([{ cause: 'new_incarnation', decision: 'new-stream' }]);
});
