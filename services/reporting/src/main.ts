import { createSecretReader, openControl } from '@meterstone/control';
import { createLogger, createRegistry, installShutdown, type Logger } from '@meterstone/runtime';
import { createStoreClient, readSpend } from '@meterstone/store';
import { type ReportingConfig, readConfig } from './config.ts';
import { buildServer } from './server.ts';
import { watchStore } from './store-health.ts';

const SERVICE = 'reporting';
const STORE_PROBE_INTERVAL_MS = 1000;
const SHUTDOWN_MS_MAX = 10_000;

/** Starts reporting; throws when it cannot work. */
async function main(config: ReportingConfig, env: NodeJS.ProcessEnv, logger: Logger): Promise<void> {
  const control = await openControl({
    configPaths: config.config,
    bundlesFolder: config.bundlesFolder,
    readSecret: createSecretReader(env),
    logger,
    watch: true,
  });
  const client = createStoreClient({
    url: config.clickhouseUrl,
    username: config.clickhouseUser,
    password: config.clickhousePassword,
    database: config.clickhouseDatabase,
  });
  // No org has the empty name: the question reads nothing, but needs the tables.
  const health = watchStore(() => readSpend(client, ''), STORE_PROBE_INTERVAL_MS);
  const server = buildServer({
    control,
    client,
    logger,
    registry: createRegistry({ service: SERVICE }),
    readiness: health.readiness,
    now: Date.now,
  });
  installShutdown({
    logger,
    timeoutMs: SHUTDOWN_MS_MAX,
    steps: [
      { name: 'server', run: () => server.close() },
      { name: 'health', run: () => health.close() },
      { name: 'store', run: () => client.close() },
      { name: 'control', run: () => control.close() },
    ],
  });
  const url = await server.listen({ host: config.host, port: config.reportingPort });
  logger.info({ url }, 'reporting listens');
}

try {
  const config = await readConfig(process.env);
  await main(config, process.env, createLogger({ service: SERVICE, level: config.logLevel }));
} catch (error) {
  createLogger({ service: SERVICE, level: 'info' }).fatal({ err: error }, 'reporting could not start');
  process.exit(1);
}
