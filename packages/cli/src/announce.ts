import { type Door, doorsText } from './doors.ts';
import { answersText, type QuestionAnswer } from './four-questions.ts';

/** How a verb tells what happens: as text for a person, or as one JSON object a line. */
export interface Announce {
  progress(line: string): void;
  report(answers: readonly QuestionAnswer[]): void;
  /** What can be tried now, and where keys, process ids and logs are. */
  doors(doors: readonly Door[], places: { readonly runFile: string; readonly log: string }): void;
  failed(error: unknown): void;
}

export interface AnnounceStreams {
  readonly out: (line: string) => void;
  /** For errors in text. JSON has them on `out`, so that whoever reads it needs one stream alone. */
  readonly err: (line: string) => void;
}

export function announceText({ out, err }: AnnounceStreams): Announce {
  return {
    progress: out,
    report: (answers) => out(`\n${answersText(answers)}\n`),
    doors: (doors, { runFile, log }) =>
      out(`${doorsText(doors)}\n\nKeys and process ids: ${runFile}   Logs: ${log}   Stop: Ctrl-C`),
    failed: (error) => err(`meterstone: ${messageOf(error)}`),
  };
}

/** `event` is `progress`, `report` (one a grouping), `door`, `ready` or `failed`. */
export function announceJson({ out }: AnnounceStreams): Announce {
  const say = (event: string, facts: object) => out(JSON.stringify({ event, ...facts }));
  return {
    progress: (line) => say('progress', { line }),
    report: (answers) => {
      for (const { title, groupBy, rows } of answers)
        say('report', { question: title, group_by: groupBy, results: rows });
    },
    doors: (doors, { runFile, log }) => {
      for (const { title, command } of doors) say('door', { title, command });
      say('ready', { run_file: runFile, log });
    },
    failed: (error) => say('failed', { code: codeOf(error), message: messageOf(error) }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code that our errors carry; `failed` for all others. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
}
