import { TOKEN_BUCKETS } from '@meterstone/metering';
import { type BenchOptions, WrongSums } from '../bench.ts';
import { connectKafka } from '../stack/bench-stack.ts';
import { type ClickHouse, connectClickHouse } from '../stack/clickhouse.ts';
import { drainTopic } from '../stack/drain.ts';
import { openGroupProgress } from '../stack/group-progress.ts';
import { checkStored, type ProducedSums } from '../stack/stored-sums.ts';
import { trafficOrgs } from '../traffic/orgs.ts';
import { DATABASE, KAFKA_PARTITIONS, type ProxySubjects, TOPIC_PREFIX } from './proxy-subjects.ts';
import { createScenario } from './scenarios.ts';

/**
 * After all loads: ends the proxy, lets an aggregator store what it left on Kafka, and compares with what clients got:
 * an event for every answer, by variant, and every token. Rejects with WrongSums. Gives the number of events.
 */
export async function checkMetered(bench: BenchOptions, subjects: ProxySubjects): Promise<number> {
  const { stack, configPath, proxy, answered } = subjects;
  await proxy.stop();
  const progress = await openGroupProgress(connectKafka(stack), TOPIC_PREFIX, bench.defer);
  // Only the proxy is measured.
  const service = {
    bench: { ...bench, nodeFlags: [] },
    stack,
    configPath,
    topicPrefix: TOPIC_PREFIX,
    database: DATABASE,
  };
  await drainTopic({ ...service, kafkaPartitions: KAFKA_PARTITIONS }, progress);
  const clickhouse = connectClickHouse(stack.stack.clickhouseUrl);
  const expected = expectedSums(answered);
  await checkStored(clickhouse, DATABASE, expected);
  await checkVariants(clickhouse, answered);
  return expected.events;
}

function expectedSums(answered: ProxySubjects['answered']): ProducedSums {
  let events = 0;
  const tokens = TOKEN_BUCKETS.map(() => 0);
  for (const [name, counts] of answered) {
    const { variants } = createScenario(name);
    for (const [number, count] of counts.entries()) {
      events += count;
      for (const [index, bucket] of TOKEN_BUCKETS.entries()) {
        tokens[index] = (tokens[index] ?? 0) + count * (variants[number]?.tokens[bucket] ?? 0);
      }
    }
  }
  const [org] = trafficOrgs();
  return { events, eventsByOrg: new Map([[org?.orgId ?? '', events]]), tokens: tokens.map(BigInt) };
}

/** Equal sums could hide that one answer was booked for another. */
async function checkVariants(clickhouse: ClickHouse, answered: ProxySubjects['answered']): Promise<void> {
  const rows = await clickhouse.rows(
    `SELECT response_id, count() AS events FROM ${DATABASE}.raw_events GROUP BY response_id`,
  );
  const stored = new Map(rows.map((row) => [row['response_id'], Number(row['events'])]));
  for (const [name, counts] of answered) {
    const { variants } = createScenario(name);
    for (const [number, count] of counts.entries()) {
      const events = stored.get(variants[number]?.responseId) ?? 0;
      if (events !== count) throw new WrongSums(`${name} ${number}: ${count} answers, ${events} events`);
    }
  }
}
