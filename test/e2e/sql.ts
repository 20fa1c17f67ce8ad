/** One row; amounts and 64-bit counts are text, so that no digit is lost. */
export type SqlRow = Readonly<Record<string, unknown>>;

const EXACT = 'output_format_json_quote_64bit_integers=1&output_format_json_quote_decimals=1';

/** Asks ClickHouse itself, as its local admin. */
export async function askSql(clickhouseUrl: string, query: string): Promise<readonly SqlRow[]> {
  const response = await fetch(`${clickhouseUrl}/?${EXACT}`, {
    method: 'POST',
    body: `${query} FORMAT JSONEachRow`,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${text}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
