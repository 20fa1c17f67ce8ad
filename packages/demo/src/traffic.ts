import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from './customers.ts';
import { type DemoCall, SCENARIO } from './scenario.ts';

export interface TrafficOptions {
  readonly call: Caller;
  readonly proxyUrl: string;
  readonly pauseMs: number;
  readonly say: (line: string) => void;
  /** In [0, 1). Chooses the calls of the light traffic. */
  readonly random: () => number;
}

const PROXY_DEADLINE_MS = 60_000;
const PROXY_POLL_MS = 100;

/** Waits for the proxy, runs the scenario once (`scenario done` is said when its last answer was read), then goes on. */
export async function runTraffic(options: TrafficOptions): Promise<void> {
  await waitForProxy(options.proxyUrl);
  for (const call of SCENARIO) await options.call(call);
  options.say('scenario done');
  while (options.pauseMs > 0) {
    await sleep(options.pauseMs);
    await callQuietly(options);
  }
}

/** Light traffic goes on whatever happens: a proxy that is being restarted is no reason to stop. */
async function callQuietly(options: TrafficOptions) {
  const call = SCENARIO[Math.floor(options.random() * SCENARIO.length)] as DemoCall; // index below the length
  try {
    await options.call(call);
  } catch (error) {
    options.say(`call failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function waitForProxy(proxyUrl: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < PROXY_DEADLINE_MS; waitedMs += PROXY_POLL_MS) {
    const ready = await fetch(`${proxyUrl}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await sleep(PROXY_POLL_MS);
  }
  throw new Error(`the proxy at ${proxyUrl} was not ready within ${PROXY_DEADLINE_MS} ms`);
}
