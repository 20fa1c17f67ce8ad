import { setTimeout as sleep } from 'node:timers/promises';
import { requireFreePorts, type Stack, startStack, type WantedPort } from '@meterstone/local-stack';
import { describeEnd } from './kept-process.ts';
import type { Environment, UpSettings } from './up-settings.ts';

export interface UpStackOptions {
  readonly settings: UpSettings['settings'];
  readonly root: string;
  readonly env: Environment;
  readonly say: (line: string) => void;
  /** Aborted when everything is to stop. */
  readonly signal: AbortSignal;
}

const RESTART_PAUSE_MS = 500;
const RESTART_AGAIN_PAUSE_MS = 5_000;

/** Starts Kafka and ClickHouse; one that dies later is started again on its data. */
export async function startUpStack({ settings, root, env, say, signal }: UpStackOptions): Promise<Stack> {
  const stack: Stack = await startStack({
    folder: root,
    env,
    ports: {
      kafka: [settings.kafkaPort],
      kafkaController: settings.kafkaControllerPort,
      clickhouseHttp: [settings.clickhouseHttpPort],
      clickhouseTcp: [settings.clickhouseTcpPort],
    },
    databases: [settings.clickhouseDatabase],
    onProgress: say,
    onServerExit: (exit) => {
      if (signal.aborted) return;
      say(`${exit.name} ended (${describeEnd(exit)}); starting it again`);
      restart(stack, exit.name, { say, signal }).catch(() => {
        // Everything is being stopped.
      });
    },
  });
  return stack;
}

/** Tries until it answers; meanwhile the rest stays up and waits for it. Rejects when everything is to stop. */
async function restart(
  stack: Stack,
  name: string,
  { say, signal }: Pick<UpStackOptions, 'say' | 'signal'>,
): Promise<void> {
  const server = [...stack.kafka, ...stack.clickhouse].find((candidate) => candidate.name === name);
  for (let pauseMs = RESTART_PAUSE_MS; ; pauseMs = RESTART_AGAIN_PAUSE_MS) {
    await sleep(pauseMs, undefined, { signal });
    try {
      await server?.start();
      say(`${name} answers again`);
      return;
    } catch (error) {
      signal.throwIfAborted();
      say(`${name} could not be started again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Refuses with `port_in_use` naming every port that is taken, before anything is started or emptied. */
export function requireUpPorts(settings: UpSettings['settings'], demo: boolean): Promise<void> {
  return requireFreePorts([
    want('Kafka', 'METERSTONE_KAFKA_PORT', settings.kafkaPort),
    want("Kafka's controller", 'METERSTONE_KAFKA_CONTROLLER_PORT', settings.kafkaControllerPort),
    want('ClickHouse (HTTP)', 'METERSTONE_CLICKHOUSE_HTTP_PORT', settings.clickhouseHttpPort),
    want('ClickHouse (native)', 'METERSTONE_CLICKHOUSE_TCP_PORT', settings.clickhouseTcpPort),
    want('the proxy', 'METERSTONE_PROXY_PORT', settings.proxyPort),
    want('reporting', 'METERSTONE_REPORTING_PORT', settings.reportingPort),
    want('the aggregator', 'METERSTONE_AGGREGATOR_PORT', settings.aggregatorPort),
    ...(demo
      ? [want("the demo's provider", 'METERSTONE_DEMO_PROVIDER_PORT', settings.demoProviderPort)]
      : []),
  ]);
}

function want(title: string, variable: string, port: number): WantedPort {
  return { title, variable, port };
}
