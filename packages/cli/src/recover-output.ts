/** How a verb says what it finds: as text for a person, or as one JSON object a line. */
export interface Output {
  /** What goes on; text has it on the error stream, so that the answer stands alone on the other. */
  progress(line: string): void;
  /** A piece of the answer: `event` names its kind. */
  say(event: string, facts: Readonly<Record<string, unknown>>, text: string): void;
}

/** Writes to this process's streams. */
export function createOutput(json: boolean): Output {
  if (json) {
    const write = (facts: object) => process.stdout.write(`${JSON.stringify(facts)}\n`);
    return {
      progress: (line) => write({ event: 'progress', line }),
      say: (event, facts) => write({ event, ...facts }),
    };
  }
  return {
    progress: (line) => process.stderr.write(`${line}\n`),
    say: (_event, _facts, text) => process.stdout.write(`${text}\n`),
  };
}
