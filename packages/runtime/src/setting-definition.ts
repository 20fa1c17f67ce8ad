/** TypeScript's type for each type of setting. `choice` is narrowed to its own choices where it is read. */
export interface SettingKind {
  readonly integer: number;
  readonly text: string;
  readonly list: readonly string[];
  readonly flag: boolean;
  readonly choice: string;
}

interface SettingCommon {
  /** Snake case, as in YAML. */
  readonly name: string;
  /** The environment variable: a prefix up to its first `_`, then the name in capitals. */
  readonly variable: string;
  /** `ms`, `bytes`, `port`, …; `null` where a unit makes no sense. */
  readonly unit: string | null;
  /** One sentence for the README's table and for whoever got it wrong. */
  readonly doc: string;
  /** Which services read it. */
  readonly services: readonly string[];
  /** The value is never printed, not even in a problem. */
  readonly secret?: boolean;
}

interface SettingBounds {
  /** Bounds of the number, of the text's length in characters, or of the number of entries; both inclusive. */
  readonly min: number;
  readonly max: number;
}

/** One setting. A default of `null` means: absent unless given, and its value is then `null`. */
export type SettingDefinition =
  | (SettingCommon & SettingBounds & { readonly type: 'integer'; readonly default: number | null })
  | (SettingCommon & SettingBounds & { readonly type: 'text'; readonly default: string | null })
  | (SettingCommon & SettingBounds & { readonly type: 'list'; readonly default: readonly string[] | null })
  | (SettingCommon & { readonly type: 'flag'; readonly default: boolean })
  | (SettingCommon & {
      readonly type: 'choice';
      readonly choices: readonly string[];
      readonly default: string | null;
    });

/** A value of the setting's type, or what is wrong with the one given, as the end of a sentence. */
export type ParsedSetting = { readonly value: unknown } | { readonly problem: string };

/** Reads one given value: text from the environment, or text, a number, a flag or a list from YAML. */
export function parseSetting(definition: SettingDefinition, given: unknown): ParsedSetting {
  const shown = definition.secret === true ? 'the value given' : JSON.stringify(given);
  switch (definition.type) {
    case 'integer':
      return parseInteger(definition, { given, shown });
    case 'text':
      return parseText(definition, { given, shown });
    case 'list':
      return parseList(definition, { given, shown });
    case 'flag':
      return parseFlag(given, shown);
    case 'choice':
      return typeof given === 'string' && definition.choices.includes(given)
        ? { value: given }
        : { problem: `${shown} is none of ${definition.choices.join(', ')}` };
  }
}

interface Given {
  readonly given: unknown;
  readonly shown: string;
}

type Bounded<T extends SettingDefinition['type']> = Extract<SettingDefinition, { type: T }>;

function parseInteger({ min, max, unit }: Bounded<'integer'>, { given, shown }: Given): ParsedSetting {
  const value = typeof given === 'string' && /^-?\d{1,16}$/.test(given) ? Number(given) : given;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    return { problem: `${shown} is not a whole number` };
  }
  if (value < min || value > max) {
    return { problem: `${shown} is outside ${min} to ${max}${unit === null ? '' : ` (${unit})`}` };
  }
  return { value };
}

function parseText({ min, max }: Bounded<'text'>, { given, shown }: Given): ParsedSetting {
  if (typeof given !== 'string') {
    return { problem: `${shown} is not text (put it in quotes)` };
  }
  if (given.length < min || given.length > max) {
    return { problem: `${shown} has ${given.length} characters, allowed are ${min} to ${max}` };
  }
  return { value: given };
}

function parseList({ min, max }: Bounded<'list'>, { given, shown }: Given): ParsedSetting {
  const entries = typeof given === 'string' ? given.split(',') : given;
  if (!Array.isArray(entries) || !entries.every((entry) => typeof entry === 'string')) {
    return { problem: `${shown} is not a list of texts, nor one text with commas` };
  }
  const value = entries.map((entry) => entry.trim());
  if (value.some((entry) => entry === '')) {
    return { problem: `${shown} has an empty entry` };
  }
  if (value.length < min || value.length > max) {
    return { problem: `${shown} has ${value.length} entries, allowed are ${min} to ${max}` };
  }
  return { value: Object.freeze(value) };
}

function parseFlag(given: unknown, shown: string): ParsedSetting {
  if (given === true || given === 'true') {
    return { value: true };
  }
  if (given === false || given === 'false') {
    return { value: false };
  }
  return { problem: `${shown} is neither true nor false` };
}
