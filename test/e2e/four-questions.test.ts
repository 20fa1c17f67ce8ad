import { createCustomers, demoConfigYaml, SCENARIO, startDemoProvider } from '@meterstone/demo';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { report, waitForAttempts } from '../support/report.ts';

/*
 * The demo's 18 calls, worked out by hand. List prices in USD per million tokens (price book): claude-sonnet-4-6
 * 3 in, 0.30 cached, 15 out; gpt-5-mini 0.25, 0.025, 2 (priority 0.45, 3.60); gpt-4.1-mini 0.40 in, 1.60 out.
 * Plans: starter 1.6 x list + 0.001 a request; pro 1.25 x list + 0.50 per million tokens; internal = list.
 *
 *                          tokens in + cached + out      list, each            charge, each
 * 4 globex, sonnet         120 + 400 + 80                0.00168               pro      0.0021    + 0.0003  = 0.0024
 * 5 initech, gpt-5-mini     90 +  60 + 50 + 10 reasoning 0.000144              starter  0.0002304 + 0.001   = 0.0012304
 * 2 umbrella, priority     200 +   0 + 40                0.000234              pro      0.0002925 + 0.00012 = 0.0004125
 * 3 digests, gpt-4.1-mini  300 +   0 + 60                0.000216   globex     pro      0.00027   + 0.00018 = 0.00045
 *                                                           initech, umbrella  starter  0.0003456 + 0.001   = 0.0013456
 * 3 research, sonnet       150 +   0 + 100               0.00195               internal                       0.00195
 * 1 research, unknown       50 +   0 + 20                unpriced
 */

let pipeline: Pipeline;
let closeProvider: () => Promise<void>;

beforeAll(async () => {
  let ids = 0;
  const provider = await startDemoProvider({
    host: '127.0.0.1',
    port: 0,
    now: Date.now,
    nextId: () => String(ids++),
  });
  closeProvider = provider.close;
  const none = { apiKey: '', reportKey: '', adminKey: '', demo: { web: '', digest: '', research: '' } };
  const { keys: _keys, ...org } = parse(demoConfigYaml(none, provider.url, '')).orgs.demo;
  const credential = 'env:TEST_PROVIDER_KEY';
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: inject('clickhouseUrl'),
    config: {
      providers: {
        openai: { kind: 'openai', base_url: provider.url, credential },
        anthropic: { kind: 'anthropic', base_url: provider.url, credential },
      },
      org,
    },
  });
  const call = createCustomers({
    proxyUrl: pipeline.proxyUrl,
    keys: { web: pipeline.key.proxy, digest: pipeline.key.digest, research: pipeline.key.research },
  });
  for (const one of SCENARIO) await call(one);
  await waitForAttempts(pipeline, SCENARIO.length);
});
afterAll(async () => {
  await pipeline?.stop();
  await closeProvider?.();
});

/** The rows of one grouping: name → requests, total cost, charge, margin, exact. */
async function answers(groupBy: string): Promise<Record<string, (string | number)[]>> {
  const rows = await report(pipeline, { group_by: groupBy, exact: 'true' });
  return Object.fromEntries(
    rows.map((row) => [
      row[groupBy],
      ['request_count', 'total_cost_exact', 'charge_exact', 'margin_exact'].map(
        (column) => row[column] ?? '',
      ),
    ]),
  );
}

describe('1. what did each of my customers use and cost', () => {
  it('by user, requests without one under ""', async () => {
    expect(await answers('user')).toEqual({
      // 4 x 0.00168 + 0.000216; 4 x 0.0024 + 0.00045
      globex: [5, '0.006936', '0.01005', '0.003114'],
      // 5 x 0.000144 + 0.000216; 5 x 0.0012304 + 0.0013456
      initech: [6, '0.000936', '0.0074976', '0.0065616'],
      // 2 x 0.000234 + 0.000216; 2 x 0.0004125 + 0.0013456
      umbrella: [3, '0.000684', '0.0021706', '0.0014866'],
      // 3 x 0.00195, and the unpriced one
      '': [4, '0.00585', '0.00585', '0'],
    });
  });

  it('by tag, each request in the row of each of its tags', async () => {
    expect(await answers('tag')).toEqual({
      // 0.00672 + 0.00072 + 0.000468; 0.0096 + 0.006152 + 0.000825
      'feature:assistant': [11, '0.007908', '0.016577', '0.008669'],
      // 3 x 0.000216; 0.00045 + 2 x 0.0013456
      'feature:digest': [3, '0.000648', '0.0031412', '0.0024932'],
      'env:prod': [14, '0.008556', '0.0197182', '0.0111622'],
      '': [4, '0.00585', '0.00585', '0'],
    });
  });

  it('in tokens, each in one column', async () => {
    const rows = await report(pipeline, { group_by: 'user', user_id: 'initech' });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      user: 'initech',
      input_tokens: 5 * 90 + 300,
      cached_input_tokens: 5 * 60,
      output_tokens: 5 * 50 + 60,
      reasoning_tokens: 5 * 10,
    });
  });
});

describe('2. what is my own team spending', () => {
  it('by API key and by project', async () => {
    const web = [11, '0.007908', '0.016577', '0.008669'];
    const digest = [3, '0.000648', '0.0031412', '0.0024932'];
    const research = [4, '0.00585', '0.00585', '0'];
    expect(await answers('api_key_name')).toEqual({ web, digest, research });
    expect(await answers('project')).toEqual({ assistant: web, summaries: digest, research });
  });

  it('by model and by provider', async () => {
    const cost = async (groupBy: string) =>
      Object.fromEntries(
        Object.entries(await answers(groupBy)).map(([name, [requests, total]]) => [name, [requests, total]]),
      );
    expect(await cost('model')).toEqual({
      'anthropic/claude-sonnet-4.6': [7, '0.01257'],
      'openai/gpt-5-mini': [7, '0.001188'],
      'openai/gpt-4.1-mini': [3, '0.000648'],
      'acme-experimental-1': [1, '0'],
    });
    expect(await cost('provider')).toEqual({ anthropic: [7, '0.01257'], openai: [11, '0.001836'] });
  });
});

describe('3. how do pricing tiers compare', () => {
  it("by the customer's plan", async () => {
    expect(await answers('plan')).toEqual({
      // 0.00672 + 0.000468 + 0.000216; 0.0096 + 0.000825 + 0.00045
      pro: [7, '0.007404', '0.010875', '0.003471'],
      // 0.00072 + 2 x 0.000216; 0.006152 + 2 x 0.0013456
      starter: [7, '0.001152', '0.0088432', '0.0076912'],
      internal: [4, '0.00585', '0.00585', '0'],
    });
  });

  it("by the provider's service tier, the one served", async () => {
    const tiers = await answers('service_tier');
    expect(tiers['priority']).toEqual([2, '0.000468', '0.000825', '0.000357']);
    const requests = Object.values(tiers).reduce((sum, [count]) => sum + Number(count), 0);
    expect(requests).toBe(SCENARIO.length);
  });
});

describe('4. what is my margin on each feature', () => {
  it('is charge less total cost, and every grouping adds up to the same', async () => {
    for (const groupBy of ['user', 'model', 'plan', 'provider', 'project']) {
      const rows = Object.values(await answers(groupBy));
      const sum = (column: number) => rows.reduce((all, row) => all + picodollars(String(row[column])), 0n);
      // 0.010875 + 0.0088432 + 0.00585 - (0.007404 + 0.001152 + 0.00585)
      expect([sum(1), sum(2), sum(3)], groupBy).toEqual([14_406_000_000n, 25_568_200_000n, 11_162_200_000n]);
    }
  });
});

it('shows an unknown model as unpriced, never as free', async () => {
  const rows = await report(pipeline, { group_by: 'model' });
  const unknown = rows.find((row) => row['model'] === 'acme-experimental-1');
  expect(unknown).toMatchObject({ request_count: 1, unpriced_count: 1, input_tokens: 50, output_tokens: 20 });
  expect(rows.filter((row) => row !== unknown).every((row) => row['unpriced_count'] === 0)).toBe(true);
});

/** An exact decimal text in units of 1e-12 USD. */
function picodollars(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(12, '0'));
}
