import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UsageEvent } from '@meterstone/metering';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Journal } from './journal.ts';
import { END_BYTES } from './journal-format.ts';
import type { JournalEntry } from './journal-options.ts';
import { replayJournals } from './replay-journals.ts';
import { scanJournal } from './scan-journal.ts';
import {
  ended,
  hex,
  memoryProducer,
  removeTestFolders,
  replayOptions,
  testEvent,
  testFolder,
  testJournal,
} from './test-journal.ts';
import { VERSION_1_SEGMENT } from './version-1.fixture.ts';

afterEach(removeTestFolders);

/** The files of a journal, but its lock. */
type Files = ReadonlyMap<string, Buffer>;

function filesOf(path: string): Files {
  const files = readdirSync(path).filter((file) => file !== 'lock');
  return new Map(files.map((file) => [file, readFileSync(join(path, file))]));
}

/** A journal of these files that nobody has; the folder it is in. */
function leave(files: Files): string {
  const folder = testFolder();
  mkdirSync(join(folder, 'dead'));
  for (const [file, bytes] of files) {
    writeFileSync(join(folder, 'dead', file), bytes);
  }
  return folder;
}

/** What a journal has to remember: attempts without an end, and how many events Kafka has not acknowledged. */
interface Remembered {
  readonly open: readonly string[];
  readonly unsettled: number;
}

async function rememberedOf(path: string): Promise<Remembered & { readonly tornBytes: number }> {
  const { openNotes, unsettled, tornBytes } = await scanJournal(path);
  const open = Array.from(openNotes.values(), hex).toSorted();
  return { open, unsettled, tornBytes };
}

/** Does to a journal what a proxy does, a step at a time, and knows what has to be in it. */
class Driver {
  readonly #journal: Journal;
  readonly #open: { readonly entry: JournalEntry; readonly event: UsageEvent }[] = [];
  #settled = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get remembered(): Remembered {
    const open = this.#open.map(({ event }) => hex(event)).toSorted();
    return { open, unsettled: this.#journal.nextOrdinal - this.#settled };
  }

  /** Step 0 to 9; what it is done to is picked by the same number. */
  step(step: number): void {
    const taken = step < 4 ? undefined : this.#open[step % (this.#open.length || 1)];
    if (taken === undefined) {
      const event = testEvent();
      const entry = this.#journal.note(event);
      if (entry !== null) {
        this.#open.push({ entry, event });
      }
    } else if (step === 4) {
      for (const { entry, event } of this.#open) {
        this.#journal.renew(entry, { ...event, outputDeltas: step });
      }
    } else if (step === 9) {
      this.#journal.settle({ first: this.#settled, next: this.#journal.nextOrdinal });
      this.#settled = this.#journal.nextOrdinal;
    } else {
      this.#open.splice(this.#open.indexOf(taken), 1);
      this.#end(taken, step);
    }
  }

  #end({ entry, event }: { readonly entry: JournalEntry; readonly event: UsageEvent }, step: number): void {
    if (step === 5) {
      this.#journal.drop(entry);
      return;
    }
    const built = { ordinal: this.#journal.nextOrdinal, kafkaPartition: step, ...ended(event) };
    this.#journal.append(entry, { eventId: event.eventId, events: [built] });
  }
}

/** Attempts that end at once, each with an event and a turn of its own. */
function build(journal: Journal, attempts: number): void {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const event = testEvent();
    const built = { ordinal: journal.nextOrdinal, kafkaPartition: 0, ...ended(event) };
    journal.append(journal.note(event), { eventId: event.eventId, events: [built] });
    journal.commit();
  }
}

const turns = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }), {
  minLength: 20,
  maxLength: 60,
});

describe('segments', () => {
  it('hold what is to be remembered at every turn, whatever their files were before', async () => {
    let reused = 0;
    const property = fc.asyncProperty(turns, async (given) => {
      const journal = testJournal({ segmentBytesMax: 900 });
      const driver = new Driver(journal);
      for (const steps of given) {
        steps.forEach((step) => void driver.step(step));
        journal.commit();
        const found = await rememberedOf(journal.path);
        expect(found).toEqual({ ...driver.remembered, tornBytes: 0 });
      }
      const removed = (journal.segments.at(-1)?.number ?? 0) - journal.segments.length;
      reused += removed > 1 ? 1 : 0;
      journal.close();
      removeTestFolders();
    });
    await fc.assert(property, { numRuns: 30 });
    expect(reused).toBeGreaterThan(10);
  });

  it('torn in a write remember what was written before it, and count what is torn', async () => {
    const seen = { torn: 0 };
    const property = fc.asyncProperty(
      turns,
      fc.integer({ min: 0, max: 1_000 }),
      async (given, thousandths) => {
        const journal = testJournal({ segmentBytesMax: 900 });
        const driver = new Driver(journal);
        let before = { files: filesOf(journal.path), remembered: driver.remembered };
        let current = { number: 0, bytes: 0 };
        for (const steps of given) {
          before = { files: filesOf(journal.path), remembered: driver.remembered };
          current = { ...(journal.segments.at(-1) ?? current) };
          steps.forEach((step) => void driver.step(step));
          journal.commit();
        }
        const last = journal.segments.at(-1);
        const file = `${String(current.number).padStart(8, '0')}.journal`;
        const [old, written] = [before.files.get(file), filesOf(journal.path).get(file)];
        if (last?.number === current.number && old !== undefined && written !== undefined) {
          const frameBytes = last.bytes - current.bytes;
          const kept = Math.floor((thousandths / 1_000) * (frameBytes - 1));
          const cut = current.bytes + kept;
          const torn = Buffer.concat([written.subarray(0, cut), old.subarray(cut)]);
          const path = join(leave(new Map([...before.files, [file, torn]])), 'dead');
          const { tornBytes, ...found } = await rememberedOf(path);
          // What is missing may be what the file had there before, zeros most of all: then nothing is missing.
          const isWhole = torn.subarray(0, last.bytes).equals(written.subarray(0, last.bytes));
          expect(found).toEqual(isWhole ? driver.remembered : before.remembered);
          // Then the end behind the frame may still be missing, and what the file was before counts as torn.
          const end = isWhole ? last.bytes : current.bytes;
          const isEnded = torn.subarray(end, end + END_BYTES).every((byte) => byte === 0);
          expect(tornBytes > 0).toBe(!isEnded);
          seen.torn += !isWhole && kept > 0 && tornBytes > 0 ? 1 : 0;
          expect(tornBytes).toBeLessThanOrEqual(Math.max(frameBytes, torn.length - current.bytes));
        }
        journal.close();
        removeTestFolders();
      },
    );
    await fc.assert(property, { numRuns: 60 });
    expect(seen.torn).toBeGreaterThan(5);
  });

  it('are written over one that is wanted no more, of which one at most is kept', () => {
    const journal = testJournal({ segmentBytesMax: 2_000 });
    for (let round = 0; round < 3; round++) {
      build(journal, 20);
      journal.settle({ first: 0, next: journal.nextOrdinal });
      journal.commit();
      expect(journal.segments.length).toBe(1);
      expect(readdirSync(journal.path).length).toBe(3);
      expect(readdirSync(journal.path)).toContain('spare');
    }
    build(journal, 1);
    // What is left is left without it.
    journal.close();
    expect(readdirSync(journal.path)).not.toContain('spare');
  });

  it('are begun anew where the spare one has gone', () => {
    const journal = testJournal({ segmentBytesMax: 2_000 });
    build(journal, 20);
    journal.settle({ first: 0, next: journal.nextOrdinal });
    journal.commit();
    rmSync(join(journal.path, 'spare'));
    build(journal, 20);
    expect(journal.stats).toEqual({ unnoted: 0, unkept: 0, failedWrites: 0 });
    expect(journal.segments.length).toBeGreaterThan(3);
    expect(journal.close()).toEqual({ openNotes: 0, unsettled: 20 });
  });
});

describe('a segment of version 1', () => {
  it('is replayed', async () => {
    const folder = leave(new Map([['00000001.journal', VERSION_1_SEGMENT]]));
    const memory = memoryProducer();
    const total = await replayJournals(folder, replayOptions(memory));
    expect(total).toMatchObject({ journals: 1, failed: 0, events: 1, orphans: 1, tornBytes: 0 });
    expect(memory.sent.map(({ id }) => id)).toEqual(['02'.repeat(16), '03'.repeat(16)]);
    expect(memory.sent[0]).toMatchObject({ kafkaPartition: 3, event: { outcome: 'ok', outputTokens: 42 } });
    expect(memory.sent[1]?.event).toMatchObject({
      operationId: 'operation-3',
      outcome: 'orphan',
      outputDeltas: 9,
      outputTokens: 9,
      sourceRef: 'proxy-2/0.1.0',
      ingestedAt: 1_700_000_000_500,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends where its file ends, and what is torn of it is counted', async () => {
    const torn = VERSION_1_SEGMENT.subarray(0, -5);
    const path = join(leave(new Map([['00000001.journal', torn]])), 'dead');
    const { openNotes, unsettled, tornBytes } = await scanJournal(path);
    expect({ openNotes: openNotes.size, unsettled }).toEqual({ openNotes: 4, unsettled: 0 });
    expect(tornBytes).toBeGreaterThan(0);
    const zeros = Buffer.concat([VERSION_1_SEGMENT, Buffer.alloc(21)]);
    const padded = join(leave(new Map([['00000001.journal', zeros]])), 'dead');
    expect(await scanJournal(padded)).toMatchObject({ unsettled: 1, tornBytes: 21 });
  });
});
