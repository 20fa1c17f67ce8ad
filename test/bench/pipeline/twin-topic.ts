import { request } from 'node:http';
import { createBatchProducer, ensureTopics, type KafkaClient, topicNames } from '@meterstone/kafka';
import type { BenchStack } from '../stack/bench-stack.ts';
import { type RawLayout, rowsOfFile } from './raw-layout.ts';
import { cutStrings } from './row-strings.ts';

/** The rows of the file once more on Kafka, as messages that ClickHouse reads. */
export interface TwinTopic {
  /** Stands before the topic's name. */
  readonly prefix: string;
  readonly rowsPerMessage: number;
}

export interface TwinOptions extends TwinTopic {
  readonly stack: BenchStack;
  readonly kafka: KafkaClient;
  readonly kafkaPartitions: number;
  readonly layout: RawLayout;
  /** In RowBinary, in the server's folder. */
  readonly file: string;
}

/** Rows of one batch of the producer, whatever its messages: every Kafka partition gets as many, in turn. */
export const BATCH_ROWS = 500;
const SENDS_AT_ONCE = 8;

/** Makes the topic and fills it through the product's own producer, compressed as the usage events are. */
export async function fillTwin(options: TwinOptions): Promise<void> {
  const { kafka, prefix, kafkaPartitions, rowsPerMessage } = options;
  await ensureTopics(kafka, { prefix, kafkaPartitions, replicationFactor: 1 });
  const producer = createBatchProducer({ kafka, topic: topicNames(prefix).usageEvents, kafkaPartitions });
  const sends = new Set<Promise<void>>();
  let batches = 0;
  let rows: Buffer[] = [];
  const send = () => {
    const records = toMessages(rows, rowsPerMessage).map((value) => ({ key: null, value }));
    const sent = producer.sendBatch({ kafkaPartition: batches % kafkaPartitions, records });
    sends.add(sent);
    // A failure is the business of whoever waits for it.
    sent.then(
      () => sends.delete(sent),
      () => undefined,
    );
    batches += 1;
    rows = [];
  };
  for await (const row of readRows(options)) {
    rows.push(row);
    if (rows.length < BATCH_ROWS) continue;
    send();
    if (sends.size >= SENDS_AT_ONCE) await Promise.race(sends);
  }
  if (rows.length > 0) send();
  await Promise.all(sends);
  await producer.close(0);
}

function toMessages(rows: readonly Buffer[], rowsPerMessage: number): Buffer[] {
  const messages: Buffer[] = [];
  for (let first = 0; first < rows.length; first += rowsPerMessage) {
    messages.push(Buffer.concat(rows.slice(first, first + rowsPerMessage)));
  }
  return messages;
}

/** Each row of the file in RowBinary. ClickHouse says where one ends, so nothing here knows of columns. */
async function* readRows({ stack, file, layout }: TwinOptions): AsyncGenerator<Buffer> {
  const sql = `SELECT formatRow('RowBinary', ${layout.names}) FROM ${rowsOfFile(file, 'RowBinary', layout)} FORMAT RowBinary`;
  const answer = await ask(`${stack.stack.clickhouseUrl}/?max_threads=1`, sql);
  yield* cutStrings(answer);
}

function ask(url: string, sql: string): Promise<AsyncIterable<Buffer>> {
  return new Promise((resolve, reject) => {
    const question = request(url, { method: 'POST', agent: false }, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else reject(new Error(`ClickHouse answered ${answer.statusCode}`));
    });
    question.once('error', reject);
    question.end(sql);
  });
}
