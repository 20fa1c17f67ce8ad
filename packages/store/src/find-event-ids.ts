import type { StoreClient } from './client.ts';
import type { OlderRows } from './find-events.ts';
import { RAW_TABLE } from './raw-events.ts';
import { readRows, toCount } from './read.ts';
import { toStoreError } from './server-error.ts';

/** Bytes of an id. */
const ID_BYTES = 16;
const ID_HALF_BYTES = 8;
/** How long reading ids may take, far beyond what the most that are asked for need. */
const READ_DEADLINE_MS = 60_000;

/** Older rows whose ids came from outside: they have no time in them by which memory could tell their age. */
const OLDER_DIRECT = [
  `FROM ${RAW_TABLE.name} AS r`,
  "WHERE r.source != 'proxy' AND (r.stream < {stream:UInt32} OR (r.stream = {stream:UInt32}",
  '  AND r.kafka_partition = {kafka_partition:UInt32} AND r.kafka_offset < {before:UInt64}))',
].join('\n');

/** How many older rows did not come through a proxy. Throws `StoreError`. */
export async function countDirectIds(client: StoreClient, older: OlderRows): Promise<number> {
  const { rows } = await readRows({
    client,
    sql: `SELECT count() ${OLDER_DIRECT}`,
    params: paramsOf(older),
    threadsMax: null,
  });
  return toCount(rows[0]?.[0] ?? 0);
}

/** Reads the ids of those rows, 16 bytes each in the order of their text, into `onId`. Throws `StoreError`. */
export async function readDirectIds(
  client: StoreClient,
  older: OlderRows,
  onId: (eventId: Uint8Array) => void,
): Promise<void> {
  const deadline = AbortSignal.timeout(READ_DEADLINE_MS);
  try {
    const { stream } = await client.exec({
      query: `SELECT r.event_id ${OLDER_DIRECT} FORMAT RowBinary`,
      query_params: paramsOf(older),
      abort_signal: deadline,
      clickhouse_settings: { wait_end_of_query: 1, send_progress_in_http_headers: 0 },
    });
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = bytes.length - (bytes.length % ID_BYTES);
      for (let at = 0; at < end; at += ID_BYTES) onId(inTextOrder(bytes.subarray(at, at + ID_BYTES)));
      rest = bytes.subarray(end);
    }
  } catch (error) {
    throw toStoreError(error, deadline);
  }
}

function paramsOf({ stream, kafkaPartition, before }: OlderRows) {
  return { stream, kafka_partition: kafkaPartition, before: String(before) };
}

/** ClickHouse keeps a UUID as two little-endian words. */
function inTextOrder(bytes: Buffer): Uint8Array {
  const id = new Uint8Array(ID_BYTES);
  for (let i = 0; i < ID_HALF_BYTES; i += 1) {
    id[i] = bytes[ID_HALF_BYTES - 1 - i] ?? 0;
    id[ID_HALF_BYTES + i] = bytes[ID_BYTES - 1 - i] ?? 0;
  }
  return id;
}
