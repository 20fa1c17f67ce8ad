import { formatAmount, uuidText } from '@meterstone/metering';
import type { RawRow } from './raw-row.ts';

const AMOUNTS: ReadonlySet<string> = new Set(['marketCost', 'totalCost', 'surchargeCost', 'charge']);

/**
 * A row as its columns hold it, made from the names of the event's keys and not from the writer: integers as text,
 * amounts as exact decimals, absent text empty.
 */
export function expectedColumns({ event, rating, userKey, coordinates }: RawRow): Record<string, unknown> {
  const { user: _user, ...facts } = event;
  const { plan, ...rated } = rating;
  const operationId = event.operationId === uuidText(event.eventId) ? '' : event.operationId;
  const all = { ...facts, operationId, ...rated, ratePlan: plan, userKey, ...coordinates, bookedPeriod: 0 };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [columnName(key), columnValue(key, value)]),
  );
}

function columnName(key: string): string {
  return key.replace(/([a-z])([A-Z0-9])/g, '$1_$2').toLowerCase();
}

function columnValue(key: string, value: unknown): unknown {
  if (value === null) return absentValue(key);
  if (key === 'userKey') return Buffer.from(value as Uint8Array).toString('hex');
  if (value instanceof Uint8Array) return uuidText(value);
  if (typeof value === 'bigint') return formatAmount(value);
  if (typeof value === 'number') return String(value);
  if (key === 'quantities') {
    return Object.fromEntries(
      Object.entries(value as Record<string, number>).map(([name, n]) => [name, String(n)]),
    );
  }
  return value;
}

/** What stands where a fact is absent: NULL only where 0 or the empty text would be a fact. */
function absentValue(key: string): unknown {
  if (key === 'adjustsLine' || key === 'httpStatus') return '0';
  const nullable = ['requestTextBytes', 'outputDeltas', 'timeToFirstTokenMs', 'durationMs', 'adjustsEventId'];
  if (nullable.includes(key) || AMOUNTS.has(key) || key.endsWith('Delta') || key === 'providerReportedCost')
    return null;
  return '';
}
