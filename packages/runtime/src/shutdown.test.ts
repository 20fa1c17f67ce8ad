import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { installShutdown, type ShutdownStep } from './shutdown.ts';

class FakeProcess extends EventEmitter {
  exit(code: number): void {
    this.emit('exited', code);
  }
}

function install(steps: readonly ShutdownStep[], timeoutMs = 60_000) {
  const lines: string[] = [];
  const host = new FakeProcess();
  const logger = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  const stop = installShutdown({ logger, timeoutMs, steps, process: host });
  return { host, lines, stop, exited: once(host, 'exited') };
}

describe('installShutdown', () => {
  it('runs the steps in order, each after the one before, and exits with 0', async () => {
    const done: string[] = [];
    const { host, exited } = install([
      { name: 'close door', run: () => new Promise((resolve) => setImmediate(resolve)) },
      { name: 'flush', run: () => done.push('flush') },
      { name: 'disconnect', run: () => done.push('disconnect') },
    ]);
    host.emit('SIGTERM');
    expect(done).toEqual([]);
    expect(await exited).toEqual([0]);
    expect(done).toEqual(['flush', 'disconnect']);
  });

  it('runs the later steps although one failed, and exits with 1', async () => {
    const done: string[] = [];
    const { host, exited, lines } = install([
      { name: 'flush', run: () => Promise.reject(new Error('no broker')) },
      { name: 'disconnect', run: () => done.push('disconnect') },
    ]);
    host.emit('SIGINT');
    expect(await exited).toEqual([1]);
    expect(done).toEqual(['disconnect']);
    expect(lines.join('')).toContain('"step":"flush"');
  });

  it('runs once however many signals come', async () => {
    let runs = 0;
    const { host, exited } = install([{ name: 'count', run: () => runs++ }]);
    host.emit('SIGINT');
    host.emit('SIGTERM');
    host.emit('SIGHUP');
    await exited;
    expect(runs).toBe(1);
  });

  it('exits with 1 and names the step that does not end in time', async () => {
    const { host, exited, lines } = install([{ name: 'hang', run: () => new Promise(() => {}) }], 5);
    host.emit('SIGTERM');
    expect(await exited).toEqual([1]);
    expect(lines.join('')).toContain('"step":"hang"');
  });

  it('stops by call with the status that the caller gave', async () => {
    const { stop, exited } = install([]);
    await stop('consumer crashed', 3);
    expect(await exited).toEqual([3]);
  });
});
