import { decodeUsageEvent } from '@meterstone/events';
import { expect, test } from 'vitest';
import { seededRandom } from '../../support/replay-provider.ts';
import { createStamper } from './event-stamper.ts';
import { createTraffic } from './usage-traffic.ts';

const NOW = Date.UTC(2026, 10, 24, 12);
const TRAFFIC = { events: 300, start: NOW - 86_400_000, end: NOW - 3_600_000, seed: 3 };

test('a stamped event is its template with ids and times of its own', () => {
  const events = [...createTraffic(TRAFFIC)];
  const stamper = createStamper(events, seededRandom(1));
  for (const [template, event] of events.entries()) {
    const now = NOW + template * 977;
    const { key, value } = stamper.stamp(template, now);
    const stamped = decodeUsageEvent(Buffer.from(value));
    const age = event.ingestedAt - event.occurredAt;
    expect(stamped).toEqual({
      ...event,
      eventId: stamped.eventId,
      operationId: key,
      occurredAt: now - age,
      ingestedAt: now,
    });
    const hex = Buffer.from(stamped.eventId).toString('hex');
    expect(key.replaceAll('-', '')).toBe(hex);
    expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(hex.slice(0, 12), 16)).toBe(now);
  }
});

test('no two stamps have the same id', () => {
  const stamper = createStamper(createTraffic({ ...TRAFFIC, events: 5 }), seededRandom(1));
  const keys = Array.from({ length: 1_000 }, (_, index) => stamper.stamp(index % 5, NOW).key);
  expect(new Set(keys).size).toBe(keys.length);
});
