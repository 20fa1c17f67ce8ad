import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUsageEvent } from '@meterstone/events';
import { type Journal, type JournalEntry, openJournal } from '@meterstone/journal';
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

function written(kept: Journal): Buffer {
  const segments = readdirSync(kept.path).filter((file) => file.endsWith('.journal'));
  return Buffer.concat(segments.map((file) => readFileSync(join(kept.path, file))));
}

const REQUEST = {
  model: 'gpt-5',
  messages: [{ role: 'user', content: 'Twelve bytes' }],
  providerOptions: { gateway: { user: 'customer-7' } },
};

describe('an attempt', () => {
  it('is on disk, with who pays and what was sent, when its first byte reaches the provider', async () => {
    const kept = newJournal();
    const seen: Buffer[] = [];
    running = await runProxy({
      upstream: (request, response) => {
        seen.push(written(kept));
        jsonUpstream(CHAT_ANSWER)(request, response);
      },
      sink: { note: (event) => kept.note(event), whenNoted: (callback) => kept.whenWritten(callback) },
    });
    await bodyOf(await post(running, REQUEST));
    const [event] = await running.eventsWhen(1);
    const place = seen[0]?.indexOf(event?.eventId ?? '') ?? -1;
    expect(place).toBeGreaterThan(0);
    // A note is the id and, behind it, the event that stands if nothing more becomes known.
    const note = decodeUsageEvent(
      Buffer.from(seen[0]?.subarray(place + 16) ?? []).subarray(0, noteBytes(seen[0], place)),
    );
    expect(note).toMatchObject({
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

/** The length of the note whose id stands at `place`: the record's length stands before it and counts the id. */
function noteBytes(bytes: Buffer | undefined, place: number): number {
  return (bytes?.readUInt32LE(place - 4) ?? 0) - 16;
}
