import { createSecretReader, loadSettings, openControl } from '@meterstone/control';
import { createKafka, createPartitionConsumer, topicNames } from '@meterstone/kafka';
import { createLogger, installShutdown } from '@meterstone/runtime';
import { createStoreClient } from '@meterstone/store';
import { insertBlock } from '../../../packages/store/src/insert.ts';
import { INSERT_DEADLINE_MS } from '../../../packages/store/src/insert-raw-block.ts';
import { nativeBlock } from '../../../packages/store/src/raw-block.ts';
import { RAW_TABLE } from '../../../packages/store/src/raw-events.ts';
import { createBatchWriters } from '../../../services/aggregator/src/batch-writers.ts';
import { BlockFacts } from '../../../services/aggregator/src/block-facts.ts';
import { createCounters } from '../../../services/aggregator/src/counters.ts';
import { DuplicateWindow } from '../../../services/aggregator/src/deduplicate.ts';
import { prepare } from '../../../services/aggregator/src/prepare.ts';
import { rateBatch } from '../../../services/aggregator/src/rate-batch.ts';
import { ratingTools } from './recorded-blocks.ts';

/**
 * The aggregator without what makes it store once, for the bench alone: its consumer, its decoding, rating and rows, its
 * inserts of users and blocks and its commits, in the same order and as many at a time. It has no intents, no tokens and
 * no deduplication in ClickHouse, no checksums, no ledger, no windows of ids and no sums of blocks; a crash would lose or
 * double events. The hash of an event's content stays: it is taken where the event is decoded.
 */
const settings = await loadSettings('aggregator', process.env);
const logger = createLogger({ service: 'aggregator', level: settings.logLevel });

forgetIdentities();

const control = await openControl({
  configPaths: settings.config,
  bundlesFolder: `${settings.folder}/bundles-of-bare`,
  readSecret: createSecretReader(process.env),
  logger,
  watch: false,
});
const kafka = createKafka({ brokers: settings.kafkaBrokers, clientId: 'bare-aggregator', logger });
const store = createStoreClient({
  url: settings.clickhouseUrl,
  username: settings.clickhouseUser,
  password: settings.clickhousePassword,
  database: settings.clickhouseDatabase,
});
const tools = ratingTools(control.snapshot().terms);
const window = new DuplicateWindow();
const { insertUsers } = createBatchWriters({
  store,
  counters: createCounters(),
  now: Date.now,
  sendDeadLetters: async () => undefined,
});
await prepare({
  kafka,
  store,
  logger,
  topicPrefix: settings.topicPrefix,
  kafkaPartitions: settings.kafkaPartitions,
  replicationFactor: 1,
  database: settings.clickhouseDatabase,
  random: Math.random,
  signal: new AbortController().signal,
  onWait: () => undefined,
});
const consumer = createPartitionConsumer({
  kafka,
  groupId: `${settings.topicPrefix}.aggregator`,
  topic: topicNames(settings.topicPrefix).usageEvents,
  async onBatch(range) {
    const outcome = rateBatch({ stream: 1, ...range }, { tools, window });
    if (outcome.kind !== 'rated') throw new Error(`org ${outcome.orgId} is not configured`);
    const { batch } = outcome;
    if (batch.deadLetters.length > 0) throw new Error('the traffic has dead letters');
    await insertUsers(batch.users);
    const { columns, pieces } = nativeBlock(batch.block);
    await insertBlock({
      client: store,
      table: RAW_TABLE.name,
      columns,
      format: 'Native',
      bytes: pieces,
      token: null,
      deadlineMs: INSERT_DEADLINE_MS,
    });
  },
});
installShutdown({
  logger,
  timeoutMs: 45_000,
  steps: [
    { name: 'consumer', run: () => consumer.close() },
    { name: 'store', run: () => store.close() },
    { name: 'control', run: () => control.close() },
  ],
});
await consumer.start();

/** In this process alone: rating gathers identities and sums of its own accord, and here nobody asks for them. */
function forgetIdentities(): void {
  DuplicateWindow.prototype.find = () => 'absent';
  DuplicateWindow.prototype.add = () => 'absent';
  DuplicateWindow.prototype.absorb = () => undefined;
  BlockFacts.prototype.add = () => undefined;
  BlockFacts.prototype.addSmall = () => undefined;
}
