import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runRounds } from './rounds.ts';

const ROUNDS_DEFAULT = '5';
const FAULTS_PER_ROUND = 4;
const EXIT_WRONG_USE = 2;

/** `npm run integrity -- --rounds N [--seed S]`: the last line is `N passed, N failed`. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: ROUNDS_DEFAULT }, seed: { type: 'string' } },
  });
  const rounds = Number(values.rounds);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed) || seed < 0) {
    throw new TypeError('--rounds takes a whole number of at least 1, --seed one of at least 0');
  }
  const folder = mkdtempSync(join(tmpdir(), 'meterstone-integrity-'));
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { passed, failed } = await runRounds({ rounds, seed, folder, say, faultsPerRound: FAULTS_PER_ROUND });
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`integrity: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(EXIT_WRONG_USE);
}
