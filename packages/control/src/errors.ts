import { type ConfigProblem, formatProblem } from './config-problem.ts';

/**
 * - `invalid_config`: the configuration has faults; `problems` lists all of them.
 * - `bundle_missing`: a replay asks for an epoch whose bundle is not in the folder.
 * - `bundle_damaged`: a bundle's content is not what its name says, or cannot be read.
 * - `invalid_secret`: a secret reference is malformed, missing or too short.
 */
export type ControlErrorCode = 'invalid_config' | 'bundle_missing' | 'bundle_damaged' | 'invalid_secret';

/** A fault of configuration, bundles or secrets. Never carries secret material. */
export class ControlError extends Error {
  readonly code: ControlErrorCode;
  readonly retryable: boolean;
  /** Every fault found at once; empty unless `code` is `invalid_config`. */
  readonly problems: readonly ConfigProblem[];

  constructor(
    message: string,
    options: {
      code: ControlErrorCode;
      retryable: boolean;
      problems?: readonly ConfigProblem[];
      cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.name = 'ControlError';
    this.code = options.code;
    this.retryable = options.retryable;
    this.problems = options.problems ?? [];
  }
}

/** One error for all faults of a configuration, each on a line of its own with file and line number. */
export function invalidConfig(problems: readonly ConfigProblem[]): ControlError {
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return new ControlError(`The configuration has ${problems.length} problem(s):\n${lines.join('\n')}`, {
    code: 'invalid_config',
    retryable: false,
    problems,
  });
}
