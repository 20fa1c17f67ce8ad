import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** ClickHouse's administrator over plain HTTP: no driver of ours, and no deadline, stands between. */
export interface ClickHouse {
  /** Rows of a query. */
  rows(sql: string, settings?: Readonly<Record<string, string>>): Promise<Record<string, string>[]>;
  /** Runs a statement. */
  run(sql: string, settings?: Readonly<Record<string, string>>): Promise<void>;
}

export function connectClickHouse(url: string, database = 'default'): ClickHouse {
  const ask = (sql: string, settings: Readonly<Record<string, string>> = {}) => {
    const query = new URLSearchParams({ database, wait_end_of_query: '1', ...settings });
    return post(`${url}/?${query}`, sql);
  };
  return {
    async rows(sql, settings) {
      const answer = await ask(`${sql} FORMAT JSON`, {
        output_format_json_quote_64bit_integers: '1',
        output_format_json_quote_decimals: '1',
        ...settings,
      });
      const { data } = JSON.parse(answer) as { data: Record<string, unknown>[] };
      return data.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asText(value)])),
      );
    },
    async run(sql, settings) {
      await ask(sql, settings);
    },
  };
}

function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const question = request(url, { method: 'POST', agent: false }, (answer) => {
      text(answer).then((content) => {
        if (answer.statusCode === 200) resolve(content);
        else reject(new Error(`ClickHouse answered ${answer.statusCode}: ${content.slice(0, 1000)}`));
      }, reject);
    });
    question.once('error', reject);
    question.end(body);
  });
}
