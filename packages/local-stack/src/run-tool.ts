import { type Clock, settledWithin } from './clock.ts';
import { describeExit, type GuardedCommand, spawnGuarded } from './guard.ts';
import { logSize, logTail } from './log-tail.ts';

/**
 * Runs a command that ends by itself, under a guardian like everything here, and ends it at the deadline.
 *
 * Returns null when its exit status was 0, else what went wrong with the end of what it wrote.
 */
export async function runTool(
  tool: GuardedCommand & { clock: Clock; msMax: number },
): Promise<string | null> {
  const { logFile, clock, msMax } = tool;
  const logStart = logSize(logFile);
  const child = spawnGuarded(tool, clock);
  const inTime = await settledWithin(child.exit, msMax, clock);
  const exit = await child.stop(0);
  if (inTime && exit.code === 0) return null;
  const what = inTime ? describeExit(exit) : `did not end within ${msMax} ms`;
  return `${what}; ${logTail(logFile, logStart)}`;
}
