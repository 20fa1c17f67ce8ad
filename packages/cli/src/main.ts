#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { up } from './up.ts';

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

const program = new Command('meterstone')
  .description('Metering pipeline for AI traffic')
  .exitOverride()
  .showHelpAfterError();

program
  .command('up')
  .description('bring up Kafka, ClickHouse, the services and a demo on this machine; Ctrl-C stops it all')
  .option('--fresh', 'empty data, logs and journal first', false)
  .option('--no-demo', 'without demo traffic')
  .option('--json', 'one JSON object a line instead of text', false)
  .action(async (options: { fresh: boolean; demo: boolean; json: boolean }) => {
    const say = (line: string) =>
      process.stdout.write(`${options.json ? JSON.stringify({ event: 'progress', line }) : line}\n`);
    const stopAsked = new Promise<string>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(signal, () => resolve(signal));
    });
    const started = up({ ...options, env: process.env, now: Date.now, say });
    const first = await Promise.race([started, stopAsked]);
    // Asked to stop while still starting: we end now, and the guardians end what had begun.
    if (typeof first === 'string') return;
    await stopAsked;
    say('stopping');
    await first.stop();
    say('stopped; no process is left');
  });

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_WRONG_USE);
  process.stderr.write(`meterstone: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(EXIT_FAILED);
}
