/** One fault of a configuration file. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1; `null` = the fault has no place in the file (it is missing, or unreadable). */
  readonly line: number | null;
  /** Where in the tree: `orgs.acme.keys[0].sha256`; empty = the whole file. */
  readonly path: string;
  /** What is wrong and what to write instead. Never holds a secret. */
  readonly message: string;
}

/** `meterstone.yaml:12: orgs.acme.plan: …`, one line. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  return problem.path === ''
    ? `${place}: ${problem.message}`
    : `${place}: ${problem.path}: ${problem.message}`;
}

/** `['orgs', 'acme', 'keys', 0]` as `orgs.acme.keys[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
