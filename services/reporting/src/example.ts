import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Control, createSecretReader, hashKey, openControl } from '@meterstone/control';
import type { Rating, UsageEvent } from '@meterstone/metering';
import { createLogger, createRegistry } from '@meterstone/runtime';
import { createStoreClient, type StoreClient } from '@meterstone/store';
import type { FastifyInstance } from 'fastify';
import { wholeEvent } from '../../../test/support/whole-event.ts';
import { buildServer } from './server.ts';

/** Builders for tests. Valid defaults; each takes only what matters. */

/** Keys of the example configuration, by what they are for. */
export const EXAMPLE_KEYS = {
  report: 'mst_report',
  proxy: 'mst_proxy',
  admin: 'mst_admin',
  other: 'mst_other',
} as const;

/** Where the example's clock stands. */
export const EXAMPLE_NOW = Date.UTC(2026, 10, 24, 12);

/** Two orgs: `acme` bought 100 dollars, `other` nothing. */
export const EXAMPLE_YAML = `providers:
  openai: { kind: openai, base_url: https://api.openai.com }
  claude-eu: { kind: anthropic, base_url: https://api.anthropic.com }
  own: { kind: openai_compatible, base_url: http://127.0.0.1:1 }
orgs:
  acme:
    credit: "100"
    keys:
      - { id: key_report, name: report, sha256: ${hashKey(EXAMPLE_KEYS.report)}, scopes: [report] }
      - { id: key_proxy, name: web, sha256: ${hashKey(EXAMPLE_KEYS.proxy)}, scopes: [proxy, ingest] }
      - { id: key_admin, name: admin, sha256: ${hashKey(EXAMPLE_KEYS.admin)}, scopes: [admin] }
  other:
    keys:
      - { id: key_other, name: other, sha256: ${hashKey(EXAMPLE_KEYS.other)}, scopes: [report] }
`;

export interface ExampleServer {
  readonly app: FastifyInstance;
  readonly control: Control;
  readonly client: StoreClient;
  /** Every log line so far. */
  readonly logged: readonly string[];
  close(): Promise<void>;
}

/** A server over the example configuration that does not listen yet. */
export async function exampleServer(
  options: { readonly clickhouseUrl?: string; readonly database?: string; readonly username?: string } = {},
): Promise<ExampleServer> {
  const folder = await mkdtemp(join(tmpdir(), 'meterstone-reporting-'));
  const configPath = join(folder, 'meterstone.yaml');
  await writeFile(configPath, EXAMPLE_YAML);
  const logged: string[] = [];
  const destination = { write: (line: string) => logged.push(line) };
  const logger = createLogger({ service: 'reporting', level: 'trace', destination });
  const control = await openControl({
    configPaths: [configPath],
    bundlesFolder: join(folder, 'bundles'),
    readSecret: createSecretReader({}),
    logger,
    watch: false,
  });
  const client = createStoreClient({
    // Port 1 answers nothing on any ordinary machine: connections are refused at once.
    url: options.clickhouseUrl ?? 'http://127.0.0.1:1',
    username: options.username ?? 'default',
    // The users of the local stack have their own names for passwords; `default` has none.
    password: options.username ?? '',
    database: options.database ?? 'none',
  });
  const app = buildServer({
    control,
    client,
    logger,
    registry: createRegistry({ service: 'reporting' }),
    readiness: () => ({ ready: true, reasons: [] }),
    now: () => EXAMPLE_NOW,
  });
  const close = async () => {
    await app.close();
    await client.close();
    await control.close();
    await rm(folder, { recursive: true });
  };
  return { app, control, client, logged, close };
}

/** Event number `name` of org acme, answered at `EXAMPLE_NOW` under the key `web`. */
export function exampleEvent(name: number, facts: Partial<UsageEvent> = {}): UsageEvent {
  // A UUIDv7 of the event's own time.
  const eventId = Buffer.alloc(16);
  eventId.writeUIntBE(facts.occurredAt ?? EXAMPLE_NOW, 0, 6);
  eventId[6] = 0x70;
  eventId[8] = 0x80;
  eventId.writeUInt32BE(name, 12);
  return { ...EXAMPLE_EVENT, eventId, operationId: `operation-${name}`, ...facts };
}

/** What rating would say of it; amounts in picodollars. */
export function exampleRating(facts: Partial<Rating> = {}): Rating {
  return {
    model: 'openai/gpt-5',
    marketCost: 1_000_000_000n,
    totalCost: 1_000_000_000n,
    surchargeCost: 0n,
    charge: 1_200_000_000n,
    priceBook: 'book-1',
    priceMatch: 'exact',
    unpricedReason: null,
    plan: 'starter',
    ratePlanVersion: 'starter@2026-01-01',
    epoch: 'epoch-1',
    ...facts,
  };
}

const EXAMPLE_EVENT = wholeEvent({
  operationId: 'operation',
  occurredAt: EXAMPLE_NOW,
  ingestedAt: EXAMPLE_NOW + 1_000,
  apiKeyId: 'key_proxy',
  responseModel: 'gpt-5-2025-08-07',
  responseId: 'chatcmpl-1',
  inputTokens: 1_000,
  outputTokens: 100,
  durationMs: 900,
});
