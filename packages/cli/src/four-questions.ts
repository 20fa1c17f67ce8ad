import { type Cell, textTable } from './text-table.ts';

/** One of the four questions that a pipeline answers, as calls of `GET /v1/report`. */
interface Question {
  readonly title: string;
  readonly groupings: readonly string[];
  readonly amounts: readonly string[];
}

const FOUR_QUESTIONS: readonly Question[] = [
  { title: '1. What did each customer use and cost?', groupings: ['user', 'tag'], amounts: ['total_cost'] },
  {
    title: '2. What does our own team spend?',
    groupings: ['api_key_name', 'project', 'model', 'provider'],
    amounts: ['total_cost'],
  },
  {
    title: '3. How do pricing tiers compare?',
    groupings: ['plan', 'service_tier'],
    amounts: ['total_cost', 'charge'],
  },
  {
    title: '4. What is the margin on each feature?',
    groupings: ['tag'],
    amounts: ['charge', 'total_cost', 'margin'],
  },
];

export interface ReportDoor {
  readonly reportingUrl: string;
  readonly reportKey: string;
  /** `YYYY-MM-DD`, UTC, inclusive. */
  readonly startDate: string;
  readonly endDate: string;
}

/** The address of one grouping. */
export function reportUrl(door: ReportDoor, groupBy: string): string {
  return `${door.reportingUrl}/v1/report?start_date=${door.startDate}&end_date=${door.endDate}&group_by=${groupBy}`;
}

/** One grouping of one question, answered. */
export interface QuestionAnswer {
  readonly title: string;
  readonly groupBy: string;
  /** The amounts that the question is about: columns of the rows. */
  readonly amounts: readonly string[];
  readonly rows: readonly ReportRow[];
}

/** Asks the four questions, one grouping after the other. */
export async function askFourQuestions(door: ReportDoor): Promise<QuestionAnswer[]> {
  const answers: QuestionAnswer[] = [];
  for (const { title, groupings, amounts } of FOUR_QUESTIONS) {
    for (const groupBy of groupings) {
      answers.push({ title, groupBy, amounts, rows: await readReport(door, groupBy) });
    }
  }
  return answers;
}

/** The answers as small tables under their questions. */
export function answersText(answers: readonly QuestionAnswer[]): string {
  const parts = answers.flatMap(({ title, groupBy, amounts, rows }, index) => [
    ...(answers[index - 1]?.title === title ? [] : [title]),
    indent(tableOf(groupBy, amounts, rows)),
  ]);
  return parts.join('\n\n');
}

type ReportRow = Readonly<Record<string, string | number>>;

/** One report, as rows. Rejects with the server's own words when it refuses. */
export async function readReport(door: ReportDoor, groupBy: string): Promise<readonly ReportRow[]> {
  const response = await fetch(`${reportUrl(door, groupBy)}&exact=true`, {
    headers: { authorization: `Bearer ${door.reportKey}` },
  });
  if (!response.ok) throw new Error(`the report answered ${response.status}: ${await response.text()}`);
  const body = (await response.json()) as { results: ReportRow[] }; // our own service's contract
  return body.results;
}

function tableOf(groupBy: string, amounts: readonly string[], rows: readonly ReportRow[]): string {
  const head = [
    groupBy,
    'requests',
    'tokens in',
    'cached',
    'tokens out',
    'unpriced',
    ...amounts.map((name) => `${name} $`),
  ];
  return textTable(
    head,
    rows.map((row): Cell[] => [
      String(row[groupBy] || '(none)'),
      Number(row['request_count']),
      Number(row['input_tokens']),
      Number(row['cached_input_tokens']),
      Number(row['output_tokens']) + Number(row['reasoning_tokens']),
      Number(row['unpriced_count']),
      ...amounts.map((name) => String(row[`${name}_exact`] ?? '')),
    ]),
  );
}

function indent(text: string): string {
  return text.replace(/^/gm, '   ');
}
