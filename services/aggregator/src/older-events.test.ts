import type { UsageEvent } from '@meterstone/metering';
import { describe, expect, it } from 'vitest';
import { WINDOW_OFFSETS_MAX } from './deduplicate.ts';
import { exampleEvent, exampleFetched } from './example.ts';
import { IdFilter } from './id-filter.ts';
import { CLOCK_SKEW_MS_MAX, createOlderEvents, identityOf, type OlderEventsOptions } from './older-events.ts';

const NOW = Date.UTC(2026, 10, 24);
const EDGE = { isWhole: false, timestampMs: NOW - 3_600_000 };
const KEY = new Uint8Array(16);

/** A proxied event whose id was made at a time. */
function proxied(madeAtMs: number, version = 7): UsageEvent {
  const eventId = Buffer.alloc(16);
  eventId.writeUIntBE(madeAtMs, 0, 6);
  eventId[6] = version << 4;
  return exampleEvent(1, { eventId, source: 'proxy' });
}

function find(event: UsageEvent, options: Partial<OlderEventsOptions> = {}, timestampMs = NOW) {
  const older = createOlderEvents({
    edge: EDGE,
    hasPredecessors: false,
    directIds: null,
    lookedUp: null,
    ...options,
  });
  const standing = older.find(event, { ...exampleFetched(5, null), timestampMs }, () => KEY);
  return older.undecided.length > 0 ? 'unknown' : standing;
}

describe('what is older than the window of memory', () => {
  it('is nothing, while the window reaches back to the first record', () => {
    const edge = { isWhole: true, timestampMs: NOW };
    for (const event of [proxied(0), exampleEvent(1, { source: 'events' })]) {
      expect(find(event, { edge })).toBe('absent');
      expect(find(event, { edge, hasPredecessors: true })).toBe('unknown');
    }
  });

  it('cannot hold a proxied event that was made after it, give or take the allowance for clocks', () => {
    const edge = EDGE.timestampMs;
    expect(find(proxied(edge + CLOCK_SKEW_MS_MAX + 1))).toBe('absent');
    expect(find(proxied(edge + CLOCK_SKEW_MS_MAX))).toBe('unknown');
    expect(find(proxied(edge - 1))).toBe('unknown');
  });

  it('may hold a proxied event whose clock is ahead of its record by more than the allowance', () => {
    expect(find(proxied(NOW + CLOCK_SKEW_MS_MAX))).toBe('absent');
    expect(find(proxied(NOW + CLOCK_SKEW_MS_MAX + 1))).toBe('unknown');
  });

  it('counts the events whose clock is ahead by more than the allowance', () => {
    const older = createOlderEvents({ edge: EDGE, hasPredecessors: false, directIds: null, lookedUp: null });
    for (const aheadMs of [0, CLOCK_SKEW_MS_MAX, CLOCK_SKEW_MS_MAX + 1]) {
      older.find(proxied(NOW + aheadMs), { ...exampleFetched(5, null), timestampMs: NOW }, () => KEY);
    }
    expect(older.clocksAhead).toBe(1);
  });

  it('needs no look-up at 120,000 events a second of one Kafka partition, whatever the window holds', () => {
    const spanMs = (WINDOW_OFFSETS_MAX / 120_000) * 1000;
    const edge = { isWhole: false, timestampMs: NOW - spanMs };
    expect(find(proxied(NOW - 1_000), { edge })).toBe('absent');
  });

  it('may hold a proxied event without a time in its id, or where the age of the window is not known', () => {
    expect(find(proxied(NOW, 4))).toBe('unknown');
    expect(find(proxied(NOW), { edge: { isWhole: false, timestampMs: null } })).toBe('unknown');
  });

  it('may hold a direct event that the filter of such ids cannot exclude', () => {
    const event = exampleEvent(7, { source: 'events' });
    expect(find(event)).toBe('unknown');
    const directIds = new IdFilter(10);
    expect(find(event, { directIds })).toBe('absent');
    directIds.add(event.eventId);
    expect(find(event, { directIds })).toBe('unknown');
  });

  it('is what the look-up found, for what was looked up', () => {
    const [copy, conflict, absent] = [1, 2, 3].map((name) => exampleEvent(name, { source: 'otlp' }));
    const answers = new Map([
      [copy, 'copy'],
      [conflict, 'conflict'],
    ] as const);
    const lookedUp = {
      keys: new Set([copy, conflict, absent].map((event) => identityOf(event ?? expect.fail()))),
      found: { find: (event: UsageEvent) => answers.get(event) ?? ('absent' as const) },
    };
    expect([copy, conflict, absent].map((event) => find(event ?? expect.fail(), { lookedUp }))).toEqual([
      'copy',
      'conflict',
      'absent',
    ]);
    expect(find(exampleEvent(4, { source: 'otlp' }), { lookedUp })).toBe('unknown');
  });

  it('is told by rows alone where that is asked for, whatever memory could tell', () => {
    const event = proxied(NOW);
    const options = { edge: { isWhole: true, timestampMs: NOW }, hasPredecessors: false, directIds: null };
    const asked = createOlderEvents({ ...options, lookedUp: null });
    expect(asked.findRow(event, () => KEY)).toBe('absent');
    expect(asked.undecided).toEqual([{ eventId: event.eventId, line: 0, orgId: 'acme' }]);
    const lookedUp = { keys: new Set([identityOf(event)]), found: { find: () => 'copy' as const } };
    expect(createOlderEvents({ ...options, lookedUp }).findRow(event, () => KEY)).toBe('copy');
  });

  it('remembers the ids without a time that were asked about', () => {
    const older = createOlderEvents({ edge: EDGE, hasPredecessors: false, directIds: null, lookedUp: null });
    const direct = exampleEvent(9, { source: 'events' });
    for (const event of [proxied(NOW), direct]) {
      older.find(event, { ...exampleFetched(5, null), timestampMs: NOW }, () => KEY);
    }
    expect(older.direct).toEqual([direct.eventId]);
  });
});
