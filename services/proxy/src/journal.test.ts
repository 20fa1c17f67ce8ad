import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUsageEvent } from '@meterstone/events';
import { type Journal, type JournalEntry, openJournal, replayJournals } from '@meterstone/journal';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { post } from './example-stream.ts';
import { bodyOf, CHAT_ANSWER, jsonUpstream, type RunningProxy, runProxy, until } from './running-proxy.ts';

let running: RunningProxy | undefined;
let journal: Journal | undefined;
const folders: string[] = [];

afterEach(async () => {
  await running?.close();
  journal?.close();
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

function newJournal(): Journal {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-journal-'));
  folders.push(folder);
  journal = openJournal({
    folder,
    instance: 'proxy-1',
    pid: process.pid,
    topic: 'usage-events',
    topicId: null,
    bytesMax: 1_000_000,
    fsyncMs: 0,
    logger: createLogger({ service: 'proxy', level: 'silent' }),
    now: Date.now,
    random: Math.random,
  });
  return journal;
}

/** What is on disk now, as a journal that nobody has, in a folder of its own. */
function copyOf(kept: Journal): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-journal-'));
  folders.push(folder);
  mkdirSync(join(folder, 'dead'));
  for (const file of readdirSync(kept.path).filter((name) => name.endsWith('.journal'))) {
    writeFileSync(join(folder, 'dead', file), readFileSync(join(kept.path, file)));
  }
  return folder;
}

/** The events that a proxy which starts on a folder sends. */
async function replayed(folder: string): Promise<UsageEvent[]> {
  const events: UsageEvent[] = [];
  await replayJournals(folder, {
    producer: {
      pendingBytes: 0,
      batchFits: () => true,
      sendBatch: async ({ records }) =>
        void events.push(...records.map(({ value }) => decodeUsageEvent(value))),
    },
    topic: 'usage-events',
    readTopic: async () => ({ id: '0'.repeat(32), kafkaPartitions: 1 }),
    sourceRef: 'heir/1',
    instance: 'heir',
    pid: 1,
    signal: new AbortController().signal,
    logger: createLogger({ service: 'proxy', level: 'silent' }),
    now: Date.now,
  });
  return events;
}

const REQUEST = {
  model: 'gpt-5',
  messages: [{ role: 'user', content: 'Twelve bytes' }],
  providerOptions: { gateway: { user: 'customer-7' } },
};

describe('an attempt', () => {
  it('is on disk, with who pays and what was sent, when its first byte reaches the provider', async () => {
    const kept = newJournal();
    const seen: string[] = [];
    running = await runProxy({
      upstream: (request, response) => {
        seen.push(copyOf(kept));
        jsonUpstream(CHAT_ANSWER)(request, response);
      },
      sink: { note: (event) => kept.note(event), whenNoted: (callback) => kept.whenWritten(callback) },
    });
    await bodyOf(await post(running, REQUEST));
    const [event] = await running.eventsWhen(1);
    const orphans = await replayed(seen[0] ?? '');
    expect(orphans.length).toBe(1);
    expect(orphans[0]).toMatchObject({
      eventId: event?.eventId,
      outcome: 'orphan',
      final: true,
      usageSource: 'estimated',
      user: 'customer-7',
      requestModel: 'gpt-5',
      requestTextBytes: 16,
      inputTokens: 4,
      outputDeltas: null,
      httpStatus: null,
      durationMs: null,
    });
  });

  it('whose client has gone before it is noted never leaves, and leaves no event', async () => {
    let letGo: (() => void) | undefined;
    const dropped: JournalEntry[] = [];
    const entry: JournalEntry = { eventId: Buffer.alloc(16), startedAt: 1 };
    let requests = 0;
    running = await runProxy({
      upstream: (request, response) => {
        requests += 1;
        jsonUpstream(CHAT_ANSWER)(request, response);
      },
      sink: {
        note: () => entry,
        whenNoted: (callback) => {
          letGo = callback;
        },
        drop: (given) => void dropped.push(given),
      },
    });
    const aborting = new AbortController();
    const call = fetch(`${running.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer mst_proxy-key-of-tests' },
      body: JSON.stringify(REQUEST),
      signal: aborting.signal,
    });
    call.catch(() => undefined);
    const go = await until(() => letGo ?? null);
    aborting.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    go();
    await until(() => (dropped.length > 0 ? true : null));
    expect(dropped).toEqual([entry]);
    expect(requests).toBe(0);
    expect(running.events).toEqual([]);
  });

  it('that goes on is noted again with the deltas seen so far', async () => {
    const renewed: UsageEvent[] = [];
    const entry: JournalEntry = { eventId: Buffer.alloc(16), startedAt: 1 };
    running = await runProxy({
      limits: { noteRenewalMs: 20 },
      upstream: (request, response) => {
        request.resume();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const frame = JSON.stringify({ choices: [{ index: 0, delta: { content: 'x' } }] });
        response.write(`data: ${frame}\n\n`.repeat(3));
        setTimeout(() => response.end('data: [DONE]\n\n'), 150);
      },
      sink: { note: () => entry, renew: (_entry, event) => void renewed.push(event) },
    });
    await bodyOf(await post(running, { ...REQUEST, stream: true }));
    expect(renewed.length).toBeGreaterThan(1);
    expect(renewed.at(-1)).toMatchObject({
      outcome: 'orphan',
      usageSource: 'estimated',
      outputDeltas: 3,
      outputTokens: 3,
      inputTokens: 4,
    });
  });
});

describe('a full journal', () => {
  const full = { note: () => null };

  it('lets requests go on, by default', async () => {
    running = await runProxy({ upstream: jsonUpstream(CHAT_ANSWER), sink: full });
    expect((await post(running, REQUEST)).statusCode).toBe(200);
    await running.eventsWhen(1);
  });

  it('refuses them where the operator wants that, and sends nothing to the provider', async () => {
    let requests = 0;
    running = await runProxy({
      upstream: () => {
        requests += 1;
      },
      sink: full,
      whenJournalFull: 'refuse',
    });
    const answer = await post(running, REQUEST);
    expect(answer.statusCode).toBe(503);
    expect(JSON.parse((await bodyOf(answer)).toString())).toMatchObject({ error: { code: 'journal_full' } });
    expect(requests).toBe(0);
    expect(running.proxy.counters.refused.of('journal_full')).toBe(1);
    expect(running.events).toEqual([]);
  });

  it('does not refuse for a fault of ours: a note that cannot be encoded is a fault of metering', async () => {
    running = await runProxy({
      upstream: jsonUpstream(CHAT_ANSWER),
      sink: {
        note: () => {
          throw new RangeError('no such field');
        },
      },
    });
    expect((await post(running, REQUEST)).statusCode).toBe(200);
    expect(running.proxy.counters.meteringFaults.of('note')).toBe(1);
    await running.eventsWhen(1);
  });
});
