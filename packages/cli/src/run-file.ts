import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from './private-file.ts';

/** Name → process id. */
export type Pids = Readonly<Record<string, number>>;

export interface RunFileOptions {
  readonly folder: string;
  /** Everything in the file but `pids`. */
  readonly facts: Readonly<Record<string, string>>;
  /** The processes that run now. */
  readonly pids: () => Pids;
  /** @default 1000 */
  readonly checkMs?: number;
}

/** `run.json`, kept true for as long as the pipeline is up. */
export interface RunFile {
  /** Takes the file away: there is nothing left that it could describe. */
  close(): void;
}

const CHECK_MS = 1_000;

/** Writes `run.json`, readable by its owner alone, and writes it again whenever another set of processes runs. */
export function keepRunFile({ folder, facts, pids, checkMs = CHECK_MS }: RunFileOptions): RunFile {
  const path = runFilePath(folder);
  let written = '';
  const write = () => {
    const text = JSON.stringify({ ...facts, pids: pids() }, null, 2);
    if (text !== written) writePrivateFile(path, text);
    written = text;
  };
  write();
  const timer = setInterval(write, checkMs);
  return {
    close: () => {
      clearInterval(timer);
      removeRunFile(folder);
    },
  };
}

export function runFilePath(folder: string): string {
  return join(folder, 'run.json');
}

/** Also what a run that was killed has left: whoever waits for the file must not find an old one. */
export function removeRunFile(folder: string): void {
  rmSync(runFilePath(folder), { force: true });
}

/** Whether each process but the parent has its guardian listed; they report a few milliseconds after the start. */
export function areGuarded(pids: Pids): boolean {
  const names = Object.keys(pids);
  return names.every(
    (name) => name === 'parent' || name.endsWith('-guardian') || names.includes(`${name}-guardian`),
  );
}
