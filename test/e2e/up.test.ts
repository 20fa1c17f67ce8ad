import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SCENARIO } from '@meterstone/demo';
import { decodeUsageEvent } from '@meterstone/events';
import { requireFreePorts } from '@meterstone/local-stack';
import { uuidText } from '@meterstone/metering';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTopic } from './kafka-records.ts';
import {
  kill,
  type LocalPipeline,
  type LocalRun,
  openLocalPipeline,
  residentBytes,
} from './local-pipeline.ts';
import { askSql } from './sql.ts';

/*
 * Promise 10: real parts, one command. Started, stopped and killed in every way; nothing that Kafka has
 * acknowledged is lost. The tests build on one another.
 */

const MEMORY_BYTES_MAX = 1.5e9;
const GONE_MS_MAX = 15_000;
const BACK_MS_MAX = 30_000;
const KAFKA_PARTITIONS = 2;

let pipeline: LocalPipeline;
let run: LocalRun;
let keys: string[] = [];
let requests = 0;

beforeAll(async () => {
  pipeline = await openLocalPipeline();
});
afterAll(async () => {
  run?.signal('SIGTERM');
  await Promise.race([run?.ended, sleep(GONE_MS_MAX)]);
  await pipeline?.remove();
});

// Containers are another way to the same parts; this one is the way without them.
describe.skipIf(process.env['METERSTONE_TEST_STACK'] === 'docker')('meterstone up', () => {
  it('shows the first report, with sums that can be worked out by hand', async () => {
    run = pipeline.start();
    await run.until('ready');
    const { clickhouse_url } = pipeline.run();
    const firstCalls = `(SELECT * FROM meterstone.raw_events ORDER BY occurred_at LIMIT ${SCENARIO.length})`;
    const sums = 'count() AS requests, sum(total_cost) AS cost, sum(charge) AS charged';
    const rows = await askSql(
      clickhouse_url,
      `SELECT rate_plan, ${sums} FROM ${firstCalls} GROUP BY rate_plan ORDER BY rate_plan`,
    );
    expect(rows).toEqual([
      { rate_plan: 'internal', requests: '4', cost: '0.00585', charged: '0.00585' },
      // 4 x 0.00168 + 2 x 0.000234 + 0.000216; 4 x 0.0024 + 2 x 0.0004125 + 0.00045
      { rate_plan: 'pro', requests: '7', cost: '0.007404', charged: '0.010875' },
      // 5 x 0.000144 + 2 x 0.000216; 5 x 0.0012304 + 2 x 0.0013456
      { rate_plan: 'starter', requests: '7', cost: '0.001152', charged: '0.0088432' },
    ]);
    const reports = run.said().filter((line) => line['event'] === 'report');
    expect(reports.map((line) => line['group_by'])).toEqual([
      ...['user', 'tag', 'api_key_name', 'project', 'model', 'provider', 'plan', 'service_tier', 'tag'],
    ]);
    requests = await requestCount();
    expect(requests).toBeGreaterThanOrEqual(SCENARIO.length);
  });

  it('lists every process in a private run.json, and holds less than 1.5 GB in all', () => {
    const { pids, api_key, report_key, admin_key } = pipeline.run();
    keys = [api_key, report_key, admin_key];
    expect(statSync(pipeline.runFile).mode & 0o777).toBe(0o600);
    const names = ['kafka-1', 'clickhouse-1', 'aggregator', 'reporting', 'proxy', 'demo'];
    expect(Object.keys(pids).toSorted()).toEqual(
      ['parent', ...names, ...names.map((name) => `${name}-guardian`)].toSorted(),
    );
    expect(pipeline.processes().toSorted()).toEqual(Object.values(pids).toSorted());
    const bytes = Object.values(pids).reduce((sum, pid) => sum + residentBytes(pid), 0);
    console.log(`resident memory of all processes: ${Math.round(bytes / 1e6)} MB`);
    expect(bytes).toBeLessThan(MEMORY_BYTES_MAX);
  });

  it('opens its doors to whoever pastes them', async () => {
    const { proxy_url, api_key } = pipeline.run();
    const answer = await fetch(`${proxy_url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api_key}`, 'ai-reporting-user': 'globex' },
      body: '{"model":"gpt-5-mini-2025-08-07","messages":[{"role":"user","content":"hello there"}]}',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('meterstone-generation-id')).toMatch(/^gen_/);
  });

  it.each(['demo', 'proxy', 'reporting', 'aggregator', 'aggregator-guardian', 'clickhouse-1', 'kafka-1'])(
    'starts %s again when it is killed',
    async (name) => {
      const before = pipeline.run().pids;
      kill(before[name] ?? 0, 'SIGKILL');
      await until(`${name} to be back`, BACK_MS_MAX, () => {
        const { pids } = pipeline.run();
        return pids[name] !== undefined && pids[name] !== before[name] && isComplete(pids);
      });
      expect(pipeline.processes().toSorted()).toEqual(Object.values(pipeline.run().pids).toSorted());
    },
  );

  it('reports again after all that', async () => {
    const { proxy_url, reporting_url, aggregator_url } = pipeline.run();
    for (const url of [proxy_url, reporting_url, aggregator_url]) {
      await until(`${url} to be ready`, BACK_MS_MAX, async () => (await fetch(`${url}/readyz`)).ok);
    }
    // Killing the demo made it tell its scenario once more.
    await until('the report to go on', BACK_MS_MAX, async () => (await requestCount()) > requests);
    requests = await requestCount();
  });

  it('ends on Ctrl-C with status 0, leaves no process and frees its ports', async () => {
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
    expect(pipeline.processes()).toEqual([]);
    expect(existsSync(pipeline.runFile)).toBe(false);
    await expectFreePorts();
  });

  it('goes on with the same data and keys when it is started again', async () => {
    run = pipeline.start();
    await run.until('ready');
    expect(keysOf(pipeline)).toEqual(keys);
    const grown = await requestCount();
    expect(grown).toBeGreaterThanOrEqual(requests + SCENARIO.length);
    requests = grown;
  });

  it('leaves no process when the parent is killed, and starts again', async () => {
    kill(pipeline.run().pids['parent'] ?? 0, 'SIGKILL');
    expect(await run.ended).toBe('SIGKILL');
    await until('all to be gone', GONE_MS_MAX, () => pipeline.processes().length === 0);
    await expectFreePorts();
    run = pipeline.start();
    await run.until('ready');
    expect(await requestCount()).toBeGreaterThanOrEqual(requests + SCENARIO.length);
  });

  it('starts again after everything was killed at once, without the demo, and has lost nothing', async () => {
    for (const pid of pipeline.processes()) kill(pid, 'SIGKILL');
    await run.ended;
    await until('all to be gone', GONE_MS_MAX, () => pipeline.processes().length === 0);
    run = pipeline.start(['--no-demo']);
    await run.until('ready');
    expect(keysOf(pipeline)).toEqual(keys);
    expect(pipeline.run().pids).not.toHaveProperty('demo');
    await expectNothingLost();
    run.signal('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(pipeline.processes()).toEqual([]);
  });

  it('leaves no process when Ctrl-C comes in the middle of the start', async () => {
    run = pipeline.start();
    await until('Kafka to be started', BACK_MS_MAX, () => said(run).includes('starting kafka-1'));
    run.signal('SIGINT');
    expect(await run.ended).toBe(0);
    expect(pipeline.processes()).toEqual([]);
    await expectFreePorts();
  });

  it('leaves no process when npm, which has started it, is told to end', async () => {
    run = pipeline.startWithNpm();
    await until('Kafka to be started', BACK_MS_MAX, () => said(run).includes('starting kafka-1'));
    run.signal('SIGTERM');
    await run.ended;
    await until('all to be gone', GONE_MS_MAX, () => pipeline.processes().length === 0);
    await expectFreePorts();
  });

  it('says in one line what is wrong, with status 1', async () => {
    const failed = async (env: Record<string, string>) => {
      run = pipeline.start([], env);
      expect(await run.ended).toBe(1);
      expect(pipeline.processes()).toEqual([]);
      return run.said().find((line) => line['event'] === 'failed');
    };
    expect(await failed({ METERSTONE_PROXY_PROT: '1' })).toMatchObject({
      code: 'invalid_settings',
      message: expect.stringContaining('METERSTONE_PROXY_PROT'),
    });
    const port = String(pipeline.ports[0]);
    expect(await failed({ METERSTONE_REPORTING_PORT: port })).toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port} is asked for twice`),
    });
    // Only the service itself can find this out: it ends, and says why, at once.
    expect(await failed({ METERSTONE_USER_KEY_SECRET: 'env:NO_SUCH_VARIABLE' })).toMatchObject({
      message: expect.stringMatching(/aggregator ended .*env:NO_SUCH_VARIABLE is missing/),
    });
  });
});

const said = (one: LocalRun): unknown[] => one.said().map((line) => line['line']);

function keysOf(of: LocalPipeline): string[] {
  const { api_key, report_key, admin_key } = of.run();
  return [api_key, report_key, admin_key];
}

function isComplete(pids: Readonly<Record<string, number>>): boolean {
  return Object.keys(pids).length === 13;
}

/** All requests of the report; 0 while there is no answer. */
async function requestCount(): Promise<number> {
  const { reporting_url, report_key } = pipeline.run();
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const range = `start_date=${day(Date.now() - 86_400_000)}&end_date=${day(Date.now())}`;
  const answer = await fetch(`${reporting_url}/v1/report?${range}`, {
    headers: { authorization: `Bearer ${report_key}` },
  });
  if (!answer.ok) return 0;
  const { results } = (await answer.json()) as { results: { request_count: number }[] };
  return results.reduce((sum, row) => sum + row.request_count, 0);
}

/** Every event that Kafka has acknowledged stands in raw. */
async function expectNothingLost(): Promise<void> {
  const { kafka_brokers, clickhouse_url } = pipeline.run();
  const topic = 'meterstone.usage-events';
  const place = { kafkaBrokers: kafka_brokers, topic, kafkaPartitions: KAFKA_PARTITIONS };
  const records = (await readTopic(place)).flat();
  const acknowledged = new Set(
    records.map(({ value }) => {
      const event = decodeUsageEvent(value ?? Buffer.alloc(0));
      return `${uuidText(event.eventId)}/${event.line}`;
    }),
  );
  expect(acknowledged.size).toBeGreaterThanOrEqual(requests);
  await until('raw to hold what is on Kafka', BACK_MS_MAX, async () => {
    const rows = await askSql(
      clickhouse_url,
      "SELECT DISTINCT concat(toString(event_id), '/', toString(line)) AS id FROM meterstone.raw_events",
    );
    const stored = new Set(rows.map((row) => row['id']));
    return [...acknowledged].every((id) => stored.has(id));
  });
}

function expectFreePorts(): Promise<void> {
  return requireFreePorts(pipeline.ports.map((port) => ({ port, title: 'a port', variable: null })));
}

async function until(
  what: string,
  deadlineMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const reached = await Promise.resolve(holds()).catch(() => false);
    if (reached) return;
    if (Date.now() > deadline)
      throw new Error(`waited ${deadlineMs} ms for ${what}; ${JSON.stringify(said(run).slice(-8))}`);
    await sleep(100);
  }
}
