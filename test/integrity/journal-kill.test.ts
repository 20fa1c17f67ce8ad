import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decodeUsageEvent } from '@meterstone/events';
import { readJournalStatus } from '@meterstone/journal';
import { createKafka, readRange } from '@meterstone/kafka';
import type { UsageEvent } from '@meterstone/metering';
import { createLogger } from '@meterstone/runtime';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createTestTopic } from '../../packages/kafka/src/topic-for-test.ts';

const CHILD = fileURLToPath(new URL('./journal-child.ts', import.meta.url));
const KAFKA_PARTITIONS = 4;
const KILLS = 10;

const children = new Set<ChildProcess>();
const folders: string[] = [];

afterEach(() => {
  for (const child of children) {
    child.kill('SIGKILL');
  }
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'journal-kill-'));
  folders.push(folder);
  return folder;
}

interface Child {
  readonly process: ChildProcess;
  /** Resolves with its output so far when it is ready, or has ended. */
  readonly ready: Promise<string>;
}

function start(...args: string[]): Child {
  const child = spawn(process.execPath, [CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process in a stopped session would be hung up with it.
    detached: true,
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let output = '';
  const ready = new Promise<string>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.includes('"ready"')) {
        resolve(output);
      }
    });
    child.once('close', () => resolve(output));
  });
  return { process: child, ready };
}

async function kill({ process: child }: Child): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

interface Copy {
  readonly kafkaPartition: number;
  readonly event: UsageEvent;
}

async function readCopies(topic: string): Promise<Map<string, Copy[]>> {
  const logger = createLogger({ service: 'journal-kill', level: 'silent' });
  const kafka = createKafka({ brokers: inject('kafkaBrokers').split(','), clientId: 'journal-kill', logger });
  const copies = new Map<string, Copy[]>();
  for (let kafkaPartition = 0; kafkaPartition < KAFKA_PARTITIONS; kafkaPartition++) {
    const records = await readRange({
      kafka,
      topic,
      kafkaPartition,
      from: 0,
      to: Number.MAX_SAFE_INTEGER,
    });
    for (const { value } of records) {
      const event = decodeUsageEvent(value ?? Buffer.alloc(0));
      const identity = `${Buffer.from(event.eventId).toString('hex')}:${event.line}`;
      copies.set(identity, [...(copies.get(identity) ?? []), { kafkaPartition, event }]);
    }
  }
  return copies;
}

describe('a proxy killed with its journal', () => {
  it(`loses and doubles nothing in ${KILLS} kills under load`, { timeout: 180_000 }, async () => {
    const brokers = inject('kafkaBrokers');
    const { topic } = await createTestTopic(brokers, KAFKA_PARTITIONS);
    const folder = newFolder();
    const ledger = join(newFolder(), 'ledger');
    for (let round = 0; round < KILLS; round++) {
      const child = start('load', folder, topic, brokers, ledger);
      expect(await child.ready).toContain('"ready"');
      await sleep(100 + Math.random() * 400);
      await kill(child);
      if (round === 0) {
        const [left] = await readJournalStatus(folder);
        expect(left?.isLocked).toBe(false);
        expect(left?.openNotes).toBeGreaterThan(0);
      }
    }
    const last = start('replay', folder, topic, brokers);
    const output = await last.ready;
    expect(output).toContain('"failed":0');
    expect(await readJournalStatus(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);

    const seen = readFileSync(ledger, 'utf8').trim().split('\n');
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThan(200);
    const copies = await readCopies(topic);
    const lost = seen.filter((id) => !copies.has(`${id}:0`));
    expect(lost).toEqual([]);
    const doubled = [...copies].filter(
      ([, found]) =>
        new Set(found.map(({ kafkaPartition, event }) => `${kafkaPartition} ${event.outcome}`)).size > 1,
    );
    expect(doubled).toEqual([]);
    const events = [...copies.values()].flatMap(([copy]) => (copy === undefined ? [] : [copy.event]));
    const orphans = events.filter(({ outcome }) => outcome === 'orphan');
    expect(orphans.length).toBeGreaterThan(0);
    expect(
      orphans.every(({ final, usageSource, line }) => final && usageSource === 'estimated' && line === 0),
    ).toBe(true);
    const unseen = [...copies.keys()].filter((identity) => !seen.includes(identity.slice(0, 32)));
    // Noted, written, and killed before the provider's ledger was told: one turn's at the most.
    expect(unseen.length).toBeLessThanOrEqual(KILLS * 6);
  });

  it('frees its lock by dying, whatever process has its id now', { timeout: 60_000 }, async () => {
    const folder = newFolder();
    const holder = start('hold', folder, 'usage-events', '');
    await holder.ready;
    const [held] = await readJournalStatus(folder);
    expect(held).toMatchObject({ isLocked: true, opened: { pid: 7 } });
    // Process 7 of this machine, if there is one, is another; the lock does not ask for it.
    holder.process.kill('SIGSTOP');
    expect((await readJournalStatus(folder))[0]?.isLocked).toBe(true);
    await kill(holder);
    expect((await readJournalStatus(folder))[0]?.isLocked).toBe(false);
    const second = start('hold', folder, 'usage-events', '');
    await second.ready;
    const both = await readJournalStatus(folder);
    expect(both.map(({ isLocked }) => isLocked).toSorted()).toEqual([false, true]);
    expect(new Set(both.map(({ name }) => name)).size).toBe(2);
    await kill(second);
  });

  it('is replayed by one of several that start at once', { timeout: 90_000 }, async () => {
    const brokers = inject('kafkaBrokers');
    const { topic } = await createTestTopic(brokers, KAFKA_PARTITIONS);
    const folder = newFolder();
    const ledger = join(newFolder(), `ledger-${randomUUID()}`);
    const first = start('load', folder, topic, brokers, ledger);
    await first.ready;
    await sleep(300);
    await kill(first);
    const left = await readJournalStatus(folder);
    expect(left.length).toBe(1);
    expect(existsSync(ledger)).toBe(true);
    const before = await readCopies(topic);
    const heirs = [1, 2, 3].map(() => start('replay', folder, topic, brokers));
    const outputs = await Promise.all(heirs.map(({ ready }) => ready));
    const orphans = outputs.map((output) => Number(/"orphans":(\d+)/.exec(output)?.[1]));
    expect(orphans.filter((count) => count > 0)).toEqual([left[0]?.openNotes]);
    const events = outputs.map((output) => Number(/"events":(\d+)/.exec(output)?.[1]));
    expect(events.reduce((sum, count) => sum + count, 0)).toBe(left[0]?.unsettled);
    const after = await readCopies(topic);
    const total = [...after.values()].reduce((sum, { length }) => sum + length, 0);
    const totalBefore = [...before.values()].reduce((sum, { length }) => sum + length, 0);
    expect(total - totalBefore).toBe((left[0]?.openNotes ?? 0) + (left[0]?.unsettled ?? 0));
  });
});
