import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultKind } from './faults.ts';
import { runRounds } from './rounds.ts';

const ROUNDS_DEFAULT = '5';
const FAULTS_DEFAULT = '4';
const EXIT_WRONG_USE = 2;

/**
 * `npm run integrity -- --rounds N [--faults N] [--only KIND] [--seed S]`: the last line is `N passed, N failed`. With
 * `--rounds 5 --faults 10 --only kill_proxy` the proxy alone is killed, fifty times, with streams in flight.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: ROUNDS_DEFAULT },
      faults: { type: 'string', default: FAULTS_DEFAULT },
      only: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds);
  const faultsPerRound = Number(values.faults);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  const only = values.only === undefined ? null : faultKind(values.only);
  if (!isWhole(rounds, 1) || !isWhole(faultsPerRound, 1) || !isWhole(seed, 0)) {
    throw new TypeError('--rounds and --faults take a whole number of at least 1, --seed one of at least 0');
  }
  if (values.only !== undefined && only === null) {
    throw new TypeError(`--only takes a kind of fault, such as kill_proxy; ${values.only} is none`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'meterstone-integrity-'));
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { passed, failed } = await runRounds({ rounds, seed, folder, say, faultsPerRound, only });
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function isWhole(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`integrity: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(EXIT_WRONG_USE);
}
