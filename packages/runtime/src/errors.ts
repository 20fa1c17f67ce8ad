/**
 * Settings that cannot be used. Never retryable: somebody has to change them.
 * `problems` has one sentence per problem, all of them at once; a value of a secret setting is never in one.
 */
export class SettingsError extends Error {
  readonly code = 'invalid_settings';
  readonly retryable = false;
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`${problems.length} invalid setting(s):\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
    this.problems = problems;
  }
}
