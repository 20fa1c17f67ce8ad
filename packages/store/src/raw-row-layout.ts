import { RAW_ROW_COLUMNS } from './raw-events.ts';
import { layoutOf } from './row-layout.ts';

/** Texts of a row that follow from few facts: an org's keys, what was called, what it was rated by. */
export const RAW_TEXT_GROUPS = {
  who: ['org_id', 'api_key_id', 'project'],
  what: [
    'provider',
    'request_model',
    'response_model',
    'operation',
    'service_tier_requested',
    'service_tier',
    'region',
  ],
  rating: ['model', 'price_book', 'unpriced_reason', 'rate_plan', 'rate_plan_version', 'epoch'],
} as const;

/** How a row of `raw_events` stands in memory until its block is sent. */
export const RAW_ROW_LAYOUT = layoutOf(RAW_ROW_COLUMNS, RAW_TEXT_GROUPS);

export const RAW_HEAD_BYTES = RAW_ROW_LAYOUT.headBytes;

/** Where in the head a column's value stands, or the number of its group of texts. */
export function rawRowPlace(name: string): number {
  const place = RAW_ROW_LAYOUT.columns.find(({ column }) => column.name === name)?.place;
  if (place === undefined || place.kind === 'tail') throw new RangeError(`${name} is not in a row's head`);
  return place.at;
}
