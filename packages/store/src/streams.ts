import type { StoreClient } from './client.ts';
import { StoreError } from './errors.ts';
import { insertBlock } from './insert.ts';
import { INSERT_DEADLINE_MS } from './insert-raw-block.ts';
import { readRows } from './read.ts';
import { RowBinaryWriter } from './row-binary.ts';
import { STREAM_COLUMNS, STREAMS_TABLE } from './streams-table.ts';

/** One incarnation of a topic. */
export interface Stream {
  /** From 1, given once. */
  readonly stream: number;
  readonly topic: string;
  /** What tells this incarnation from another under the same name; empty = nothing was known of it. */
  readonly fingerprint: string;
}

/** Bounds the attempts of many processes that mint at once: each attempt gives a number to one of them. */
const MINT_ATTEMPTS_MAX = 100;

/** The incarnations of a topic, the first one first; none = the topic was never used. Throws `StoreError`. */
export async function readStreams(client: StoreClient, topic: string): Promise<Stream[]> {
  const streams = await readAll(client);
  return streams.filter((stream) => stream.topic === topic);
}

/**
 * Gives an incarnation a number, or finds the one it has: the same topic and fingerprint always get the same, whoever
 * asks and however many at once. The number is a token of ClickHouse, which keeps one of two inserts under one token.
 * Throws `StoreError`.
 */
export async function mintStream(
  client: StoreClient,
  incarnation: Pick<Stream, 'topic' | 'fingerprint'>,
): Promise<Stream> {
  const { topic, fingerprint } = incarnation;
  for (let attempt = 0; attempt < MINT_ATTEMPTS_MAX; attempt += 1) {
    const known = await readAll(client);
    const own = known.find((stream) => stream.topic === topic && stream.fingerprint === fingerprint);
    if (own !== undefined) return own;
    const stream = Math.max(0, ...known.map((other) => other.stream)) + 1;
    await insertStream(client, { stream, topic, fingerprint });
  }
  const message = `no number could be given to topic ${topic}`;
  throw new StoreError('server_busy', message, { retryable: true });
}

async function insertStream(client: StoreClient, { stream, topic, fingerprint }: Stream): Promise<void> {
  const writer = new RowBinaryWriter();
  writer.int32(stream);
  writer.text(topic);
  writer.text(fingerprint);
  await insertBlock({
    client,
    table: STREAMS_TABLE.name,
    columns: STREAM_COLUMNS,
    bytes: writer.bytes.subarray(0, writer.position),
    token: `stream-${stream}`,
    deadlineMs: INSERT_DEADLINE_MS,
  });
}

async function readAll(client: StoreClient): Promise<Stream[]> {
  const { rows } = await readRows({
    client,
    sql: `SELECT stream, topic, fingerprint FROM ${STREAMS_TABLE.name} ORDER BY stream`,
    params: {},
    threadsMax: 1,
  });
  return rows.map(([stream, topic, fingerprint]) => ({
    stream: Number(stream),
    topic: String(topic),
    fingerprint: String(fingerprint),
  }));
}
