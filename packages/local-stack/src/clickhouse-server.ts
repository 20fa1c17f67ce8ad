import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clickhouseConfig } from './clickhouse-config.ts';
import { clickhouseUsers, LOOPBACK_NETWORKS } from './clickhouse-users.ts';
import { StackError } from './errors.ts';
import type { Environment } from './java.ts';
import { LOOPBACK } from './ports.ts';
import type { ServerPlan } from './stack-server.ts';

/** What a server of the local ClickHouse is made from. */
export type ClickHouseServerOptions = {
  /** 1 for the first shard. */
  number: number;
  httpPort: number;
  tcpPort: number;
  shardPorts: readonly number[];
  memoryMegabytesMax: number;
  databases: readonly string[] | null;
  logLevel: 'error' | 'warning' | 'information' | 'debug' | 'trace';
  dataFolder: string;
  logFolder: string;
  pidFolder: string;
  env: Environment;
};

/** The first Node whose `node:ffi` the child can use. */
const NODE_MAJOR_MIN = 26;
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const ASK_MS_MAX = 2_000;
const ANSWER_SHOWN_MAX = 500;

/** Writes the server's configuration and says how to run it. */
export async function prepareClickHouseServer(options: ClickHouseServerOptions): Promise<ServerPlan> {
  const name = `clickhouse-${options.number}`;
  const folder = join(options.dataFolder, name);
  const config = join(folder, 'config.xml');
  const library = await findLibrary();
  await mkdir(folder, { recursive: true });
  await mkdir(options.logFolder, { recursive: true });
  const logFile = join(options.logFolder, `${name}.log`);
  await writeFile(config, clickhouseConfig({ ...options, logFile }));
  await writeFile(
    join(folder, 'users.xml'),
    clickhouseUsers({ databases: options.databases, networks: LOOPBACK_NETWORKS }),
    { mode: 0o600 },
  );
  return {
    name,
    pidFolder: options.pidFolder,
    logFile,
    command: process.execPath,
    args: [...childFlags(), library, ...serverFlags(options, folder)],
    env: options.env,
    cwd: folder,
    // An interactive engine runs as long as its input is open.
    stdin: 'pipe',
    startMsMax: START_MS_MAX,
    stopMsMax: STOP_MS_MAX,
    beforeStart: () => forgetQueries(folder),
    ask: () => askQuery(options.httpPort, join(folder, 'store')),
  };
}

/** This engine keeps no catalogue of its `system` database and refuses to log into a folder that is already there. */
function forgetQueries(folder: string): Promise<void> {
  return rm(join(folder, 'store', 'data', 'system'), { recursive: true, force: true });
}

function childFlags(): string[] {
  const child = fileURLToPath(new URL('./clickhouse-child.ts', import.meta.url));
  return ['--experimental-ffi', '--no-warnings', child];
}

/** The log level of config.xml is not honoured by this way of running, and listening is asked for by a statement. */
function serverFlags(options: ClickHouseServerOptions, folder: string): string[] {
  return [
    `--config-file=${join(folder, 'config.xml')}`,
    `--path=${join(folder, 'store')}`,
    `--listen_host=${LOOPBACK}`,
    `--http_port=${options.httpPort}`,
    `--tcp_port=${options.tcpPort}`,
    `--log-level=${options.logLevel}`,
    '--query=SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;',
    '--interactive',
  ];
}

async function findLibrary(): Promise<string> {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN) {
    const message = `this is Node ${process.versions.node}, and ClickHouse needs ${NODE_MAJOR_MIN} or newer: start it through npm, which runs the Node of node_modules`;
    throw new StackError('node_too_old', message, { retryable: false });
  }
  try {
    const { libchdbPath } = await import('chdb/libchdb');
    return libchdbPath();
  } catch (cause) {
    const message =
      "found no ClickHouse: run npm ci with development and optional dependencies (npm's chdb brings it for Linux and macOS)";
    throw new StackError('clickhouse_missing', message, { retryable: false, cause });
  }
}

/** Asks the server for its own data folder: whoever else listened on the port would answer another one. */
function askQuery(port: number, storeFolder: string): Promise<void> {
  const query = "SELECT value FROM system.server_settings WHERE name = 'path' FORMAT TSVRaw";
  const path = `/?query=${encodeURIComponent(query)}`;
  return new Promise((resolve, reject) => {
    const question = request({ host: LOOPBACK, port, path, agent: false }, async (answer) => {
      try {
        const text = (await answer.setEncoding('utf8').toArray()).join('').trim();
        if (answer.statusCode === 200 && text === storeFolder) resolve();
        else
          reject(
            new Error(`the query was answered ${answer.statusCode}: ${text.slice(0, ANSWER_SHOWN_MAX)}`),
          );
      } catch (error) {
        reject(error);
      }
    });
    question.setTimeout(ASK_MS_MAX, () => question.destroy(new Error(`no answer within ${ASK_MS_MAX} ms`)));
    question.once('error', reject);
    question.end();
  });
}
