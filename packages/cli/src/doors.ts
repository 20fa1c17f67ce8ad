import type { SettingsOf } from '@meterstone/control';
import { type ReportDoor, reportUrl } from './four-questions.ts';
import type { LocalFiles } from './local-files.ts';
import type { UpFolder } from './up-folder.ts';

export interface Doors {
  readonly settings: SettingsOf<'cli'>;
  readonly files: LocalFiles;
  readonly folder: UpFolder;
  readonly door: ReportDoor;
}

/** What can be tried now: a line for each door that works when it is pasted into a shell. */
export function doorLines({ settings, files, folder, door }: Doors): string {
  const proxy = `http://127.0.0.1:${settings.proxyPort}`;
  const clickhouse = `http://127.0.0.1:${settings.clickhouseHttpPort}`;
  const message = `{"model":"gpt-5-mini-2025-08-07","messages":[{"role":"user","content":"hello there"}]}`;
  return [
    'Doors (paste a line into a shell):',
    '',
    '# a request through the proxy, for customer globex',
    `curl -s ${proxy}/openai/v1/chat/completions -H 'authorization: Bearer ${files.keys.apiKey}' -H 'ai-reporting-user: globex' -H 'content-type: application/json' -d '${message}'`,
    '',
    '# what each customer used, cost and was charged',
    `curl -s '${reportUrl(door, 'user')}' -H 'authorization: Bearer ${door.reportKey}'`,
    '',
    '# SQL, as an analyst',
    `curl -s '${clickhouse}/?user=analyst&password=analyst' --data-binary 'SELECT user, model, sum(charge) FROM ${settings.clickhouseDatabase}.usage_events GROUP BY ALL ORDER BY ALL FORMAT PrettyCompact'`,
    '',
    '# health and metrics',
    `curl -s ${proxy}/metrics; curl -s ${door.reportingUrl}/readyz; curl -s http://127.0.0.1:${settings.aggregatorPort}/readyz`,
    '',
    `Keys and process ids: ${folder.root}/run.json   Logs: ${folder.log}   Stop: Ctrl-C`,
  ].join('\n');
}
