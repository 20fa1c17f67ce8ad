import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { listRecordings, NO_RECORDINGS, type Recording } from '../support/recordings.ts';
import {
  type Replay,
  type ReplayProvider,
  seededRandom,
  sseBody,
  startReplayProvider,
} from '../support/replay-provider.ts';
import { report, waitForAttempts } from '../support/report.ts';
import { type SaidUsage, saidUsage } from '../support/said-usage.ts';

/** Printed, so that a failing run can be made again by writing the number here. */
const SEED = Date.now() & 0xffff;

interface Case {
  readonly id: string;
  readonly recording: Recording;
  readonly said: SaidUsage;
}

const cases: Case[] = [];
const leftOut: string[] = [];
for (const recording of listRecordings()) {
  const said = saidUsage(recording);
  const title = `${recording.provider}/${recording.name}`;
  if ('leftOut' in said) leftOut.push(`${title}: ${said.leftOut}`);
  else cases.push({ id: `r${cases.length}`, recording, said });
}

let provider: ReplayProvider;
let pipeline: Pipeline;

beforeAll(async () => {
  console.log(cases.length === 0 ? NO_RECORDINGS : `replaying ${cases.length} recordings, seed ${SEED}`);
  const reasons = Map.groupBy(leftOut, (line) => line.slice(line.indexOf(': ') + 2));
  for (const [reason, titles] of reasons) console.log(`left out, ${reason}: ${titles.length}`);
  provider = await startReplayProvider(
    new Map(cases.map((one) => [one.id, replayOf(one)])),
    seededRandom(SEED),
  );
  const credential = 'env:TEST_PROVIDER_KEY';
  pipeline = await startPipeline({
    kafkaBrokers: inject('kafkaBrokers'),
    clickhouseUrl: inject('clickhouseUrl'),
    config: {
      providers: {
        openai: { kind: 'openai', base_url: provider.url, credential },
        anthropic: { kind: 'anthropic', base_url: provider.url, credential },
      },
    },
  });
});
afterAll(async () => {
  await pipeline?.stop();
  await provider?.close();
});

it.skipIf(cases.length === 0)(
  'reports what the replayed providers said, recording by recording',
  async () => {
    for (const one of cases) {
      const received = await call(one);
      // Bytes for the client: the provider's, less the usage chunk that the caller did not ask for.
      expect(received, one.recording.name).toEqual(expectedBytes(one));
    }
    await waitForAttempts(pipeline, cases.length);
    const rows = await report(pipeline, { group_by: 'user' });
    const totals = new Map(rows.map((row) => [row['user'], row]));
    for (const { id, recording, said } of cases) {
      const row = totals.get(id) ?? {};
      const sum = (...columns: string[]) => columns.reduce((all, column) => all + Number(row[column]), 0);
      const input = sum('input_tokens', 'cached_input_tokens', 'cache_creation_input_tokens');
      const output = sum('output_tokens', 'reasoning_tokens');
      expect({ input, output, requests: row['request_count'] }, recording.name).toEqual({
        input: said.allInput,
        output: said.allOutput,
        requests: 1,
      });
    }
  },
);

it.skipIf(cases.length === 0)('never sends a Meterstone key or header to the provider', () => {
  const headers = JSON.stringify(provider.seen.map((request) => request.headers));
  expect(headers).not.toContain('mst_');
  expect(headers).not.toMatch(/meterstone-|ai-reporting-/);
  expect(
    provider.seen.every((request) => JSON.stringify(request.headers).includes('sk-provider-secret')),
  ).toBe(true);
});

async function call({ id, recording, said }: Case): Promise<Buffer> {
  const path = said.api === 'openai' ? '/openai/v1/chat/completions' : '/anthropic/v1/messages';
  const response = await fetch(pipeline.proxyUrl + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${pipeline.key.proxy}`,
      'content-type': 'application/json',
      'ai-reporting-user': id,
      'x-replay': id,
    },
    body: JSON.stringify({
      model: 'm',
      messages: [],
      ...(recording.form === 'chunks' ? { stream: true } : {}),
    }),
  });
  expect(response.status, recording.name).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

function replayOf({ recording, said }: Case): Replay {
  if (recording.form === 'json')
    return { contentType: 'application/json', body: Buffer.from(recording.read()) };
  return {
    contentType: 'text/event-stream',
    body: sseBody(withoutDone(recording), said.api === 'anthropic'),
  };
}

function expectedBytes({ recording, said }: Case): Buffer {
  if (recording.form === 'json') return Buffer.from(recording.read());
  const kept = withoutDone(recording).filter((payload) => said.api === 'anthropic' || !isUsageChunk(payload));
  return sseBody(kept, said.api === 'anthropic');
}

function withoutDone(recording: Recording): string[] {
  return recording.payloads().filter((payload) => payload.startsWith('{'));
}

function isUsageChunk(payload: string): boolean {
  const chunk = JSON.parse(payload);
  return (
    Array.isArray(chunk.choices) &&
    chunk.choices.length === 0 &&
    chunk.usage !== null &&
    chunk.usage !== undefined
  );
}
