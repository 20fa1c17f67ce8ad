import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createCustomers } from './customers.ts';
import { startDemoProvider } from './demo-provider.ts';
import { runTraffic } from './traffic.ts';

/**
 * The demo as a process: starts the provider, makes the scenario's calls once, says so, and goes on with light
 * traffic. Configuration is one JSON file, named by the first argument.
 */
interface DemoSettings {
  readonly host: string;
  readonly port: number;
  readonly proxyUrl: string;
  readonly keys: { readonly web: string; readonly digest: string; readonly research: string };
  /** Pause between two calls of the light traffic, milliseconds; 0 = no traffic after the scenario. */
  readonly pauseMs: number;
}

const settingsPath = process.argv[2];
if (settingsPath === undefined) throw new Error('usage: main.ts SETTINGS.json');
const settings = JSON.parse(readFileSync(settingsPath, 'utf8')) as DemoSettings; // written by `meterstone up`

await startDemoProvider({
  host: settings.host,
  port: settings.port,
  now: Date.now,
  nextId: () => randomBytes(12).toString('hex'),
});
await runTraffic({
  call: createCustomers({ proxyUrl: settings.proxyUrl, keys: settings.keys }),
  proxyUrl: settings.proxyUrl,
  pauseMs: settings.pauseMs,
  say: (line) => process.stdout.write(`${line}\n`),
  random: Math.random,
});
