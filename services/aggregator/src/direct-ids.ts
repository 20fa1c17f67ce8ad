import { countDirectIds, type OlderRows, readDirectIds, type StoreClient } from '@meterstone/store';
import { IdFilter } from './id-filter.ts';

/** Above so many ids of one Kafka partition, no filter is kept, and each direct event is looked up: 64 MB. */
const FILTER_IDS_MAX = 16_000_000;
/** Room for this many times the ids of the beginning, and at least for so many: then the filter is made anew. */
const GROWTH = 2;
const CAPACITY_MIN = 65_536;

/** Makes the filter of all direct ids older than an offset; `null` = they are too many. Throws `StoreError`. */
export async function readIdFilter(client: StoreClient, older: OlderRows): Promise<IdFilter | null> {
  const count = await countDirectIds(client, older);
  if (count > FILTER_IDS_MAX) {
    return null;
  }
  const filter = new IdFilter(Math.max(CAPACITY_MIN, count * GROWTH));
  await readDirectIds(client, older, (eventId) => filter.add(eventId));
  return filter;
}
