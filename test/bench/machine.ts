import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { CLICKHOUSE_VERSION, KAFKA_VERSION } from '@meterstone/local-stack';
import type { BenchResult } from './result-file.ts';

/** What a figure depends on besides the code, taken before any load. */
export function describeMachine(pinned: boolean): BenchResult['machine'] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    pinned,
    load_average_before: loadavg()[0] ?? 0,
  };
}

/** Versions of what is measured and of what runs it. */
export function describeVersions(): BenchResult['versions'] {
  return { node: process.versions.node, kafka: KAFKA_VERSION, clickhouse: CLICKHOUSE_VERSION };
}

/** The commit, with `-dirty` behind it if files differ from it; `unknown` outside a repository. */
export function describeCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        encoding: 'utf8',
        cwd: import.meta.dirname,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    return git('rev-parse', 'HEAD').trim() + (git('status', '--porcelain').trim() === '' ? '' : '-dirty');
  } catch {
    return 'unknown';
  }
}
