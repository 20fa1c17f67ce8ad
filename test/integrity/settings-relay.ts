import { once } from 'node:events';
import { createServer, request } from 'node:http';

/** Between an aggregator and ClickHouse: gives inserts settings that their client did not ask for. */
export interface SettingsRelay {
  readonly url: string;
  /** From now on, inserts into this table have these settings; `null` = none have any. */
  impose(
    insert: { readonly table: string; readonly settings: Readonly<Record<string, string>> } | null,
  ): void;
  close(): Promise<void>;
}

/** Opens a relay to a server. What it refuses then is what the real server refuses. */
export async function openSettingsRelay(target: string): Promise<SettingsRelay> {
  let imposed: Parameters<SettingsRelay['impose']>[0] = null;
  const server = createServer((question, answer) => {
    const url = new URL(question.url ?? '/', target);
    const isMeant = imposed !== null && new RegExp(`INSERT INTO ${imposed.table}\\b`).test(statementOf(url));
    for (const [name, value] of Object.entries(isMeant ? (imposed?.settings ?? {}) : {})) {
      url.searchParams.set(name, value);
    }
    const { method, headers } = question;
    const forwarded = request(url, { ...(method === undefined ? {} : { method }), headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    answer.on('close', () => forwarded.destroy());
    question.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    impose: (insert) => {
      imposed = insert;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** An insert's statement stands in the URL, before its rows. */
function statementOf(url: URL): string {
  return url.searchParams.get('query') ?? '';
}
