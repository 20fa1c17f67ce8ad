import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './bench.ts';
import type { Core } from './cores.ts';

/** A process of the bench's own that answers one line of JSON with one line of JSON. */
export interface Worker {
  readonly pid: number;
  ask<Answer>(question: object): Promise<Answer>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly file: URL;
  /** `null` = on any core. */
  readonly core: Core | null;
}

/** Starts a worker on a core. It ends with us however we end, since its input is then closed. */
export function startWorker({ cores, defer }: BenchOptions, { file, core }: WorkerOptions): Worker {
  const node: [string, ...string[]] = [process.execPath, fileURLToPath(file)];
  const [command, ...rest] = core === null ? node : cores.command(core, node);
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: PromiseWithResolvers<unknown>[] = [];
  let ended: Error | null = null;
  const gone = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      ended = new Error(`worker ${file.pathname} ended: ${signal ?? `status ${code}`}`);
      for (const { reject } of waiting.splice(0)) reject(ended);
      resolve();
    });
  });
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  // That it is gone shows by `close`.
  child.stdin.on('error', () => undefined);
  const worker: Worker = {
    pid: child.pid ?? -1,
    async ask<Answer>(question: object) {
      if (ended !== null) throw ended;
      const answer = Promise.withResolvers<unknown>();
      waiting.push(answer);
      child.stdin.write(`${JSON.stringify(question)}\n`);
      // Both ends are of this folder and of one version.
      return (await answer.promise) as Answer;
    },
    async stop() {
      child.stdin.end();
      await gone;
    },
  };
  defer(() => worker.stop());
  return worker;
}
