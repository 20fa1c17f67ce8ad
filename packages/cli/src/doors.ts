import type { SettingsOf } from '@meterstone/control';
import { type ReportDoor, reportUrl } from './four-questions.ts';
import type { LocalKeys } from './local-keys.ts';

/** Something to try, with a command that works when it is pasted into a shell. */
export interface Door {
  readonly title: string;
  readonly command: string;
}

export interface DoorsOptions {
  readonly settings: SettingsOf<'cli'>;
  readonly keys: LocalKeys;
  readonly report: ReportDoor;
}

/** The doors of a pipeline that is up. */
export function listDoors({ settings, keys, report }: DoorsOptions): Door[] {
  const proxy = `http://127.0.0.1:${settings.proxyPort}`;
  const aggregator = `http://127.0.0.1:${settings.aggregatorPort}`;
  const clickhouse = `http://127.0.0.1:${settings.clickhouseHttpPort}`;
  const message = `{"model":"gpt-5-mini-2025-08-07","messages":[{"role":"user","content":"hello there"}]}`;
  const sql = `SELECT user, model, sum(charge) FROM ${settings.clickhouseDatabase}.usage_events GROUP BY ALL ORDER BY ALL FORMAT PrettyCompact`;
  return [
    {
      title: 'a request through the proxy, for customer globex',
      command: `curl -s ${proxy}/openai/v1/chat/completions -H 'authorization: Bearer ${keys.apiKey}' -H 'ai-reporting-user: globex' -H 'content-type: application/json' -d '${message}'`,
    },
    {
      title: 'what each customer used, cost and was charged',
      command: `curl -s '${reportUrl(report, 'user')}' -H 'authorization: Bearer ${report.reportKey}'`,
    },
    {
      title: 'SQL, as an analyst',
      command: `curl -s '${clickhouse}/?user=analyst&password=analyst' --data-binary '${sql}'`,
    },
    {
      title: 'health and metrics',
      command: `curl -s ${proxy}/metrics; curl -s ${report.reportingUrl}/readyz; curl -s ${aggregator}/readyz`,
    },
  ];
}

export function doorsText(doors: readonly Door[]): string {
  const lines = doors.map(({ title, command }) => `# ${title}\n${command}`);
  return ['Doors (paste a line into a shell):', ...lines].join('\n\n');
}
