#!/usr/bin/env node
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { type Announce, announceJson, announceText } from './announce.ts';
import { registerAudit } from './audit.ts';
import { registerDeadLetters } from './dead-letters.ts';
import { registerJournal } from './journal-verbs.ts';
import { registerRecover } from './recover.ts';
import { type Up, up } from './up.ts';

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;
/** A start that is asked to stop has this long to come to a place where it can; guardians end what is left. */
const START_STOP_MS_MAX = 30_000;
/** npm passes Ctrl-C on to a process that the terminal has told already: so soon, it is the same one. */
const IMPATIENCE_MS = 1_000;
const PARENT_CHECK_MS = 500;

const streams = {
  out: (line: string) => process.stdout.write(`${line}\n`),
  err: (line: string) => process.stderr.write(`${line}\n`),
};
// Whoever read us may have gone, as npm when it is killed: that is no reason to stop in disorder.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
let announce: Announce = announceText(streams);

const program = new Command('meterstone')
  .description('Metering pipeline for AI traffic')
  .exitOverride()
  .showHelpAfterError();

program
  .command('up')
  .description('bring up Kafka, ClickHouse, the services and a demo on this machine; Ctrl-C stops it all')
  .option('--fresh', 'empty data, logs and journal first', false)
  .option('--no-demo', 'without demo traffic; openai and anthropic are then the providers themselves')
  .option('--json', 'one JSON object a line instead of text', false)
  .action(async (options: { fresh: boolean; demo: boolean; json: boolean }) => {
    if (options.json) announce = announceJson(streams);
    const stopping = stopSignal();
    const begun = up({ ...options, env: process.env, now: Date.now, announce, signal: stopping });
    const running = await orStopped(begun, stopping);
    await aborted(stopping);
    await running?.stop();
    announce.progress('stopped; no process is left');
  });

registerAudit(program, process.env);
registerDeadLetters(program, process.env);
registerJournal(program, process.env);
registerRecover(program, process.env);

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG_USE);
  announce.failed(error);
  process.exit(EXIT_FAILED);
}

/** Aborted by the first signal that asks to stop; a later one ends this process at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  let askedAtMs = 0;
  const onSignal = () => {
    if (stopping.signal.aborted) {
      if (Date.now() - askedAtMs > IMPATIENCE_MS) process.exit(EXIT_FAILED);
      return;
    }
    askedAtMs = Date.now();
    announce.progress('stopping');
    stopping.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  // npm starts us in a shell and does not always pass on what ends it; killed, it cannot.
  if (process.env['npm_lifecycle_event'] !== undefined) onceParentGone(onSignal);
  return stopping.signal;
}

/** Calls back once when the process that has started this one is there no more. */
function onceParentGone(tell: () => void): void {
  const parentPid = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parentPid) return;
    clearInterval(timer);
    tell();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/** What is up, or `null` when it was asked to stop on the way there and has. */
async function orStopped(begun: Promise<Up>, stopping: AbortSignal): Promise<Up | null> {
  const late = aborted(stopping).then(async () => {
    await sleep(START_STOP_MS_MAX, undefined, { ref: false });
    throw new Error('the start could not be stopped in peace; what it had begun ends with this process');
  });
  try {
    return await Promise.race([begun, late]);
  } catch (error) {
    if (stopping.aborted && isAbort(error)) return null;
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Whether that is the end of a start that was asked to stop, and no fault on the way. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
