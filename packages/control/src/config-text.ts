import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type ConfigProblem, formatPath } from './config-problem.ts';
import { type ConfigFile, configFileSchema } from './config-schema.ts';

/** One configuration file, read: its content if it is whole, and where each thing stands. */
export interface ConfigText {
  readonly file: string;
  /** `null` when there is any problem of syntax or shape. */
  readonly config: ConfigFile | null;
  readonly problems: readonly ConfigProblem[];
  /** A problem at a path of this file, with its line; of the nearest parent when the path is not there. */
  problemAt(path: readonly PropertyKey[], message: string): ConfigProblem;
  /** Whether the file itself writes something at this path. */
  has(path: readonly PropertyKey[]): boolean;
}

/** YAML aliases may be expanded this many times in one file, so that a small file cannot fill the memory. */
const ALIASES_MAX = 100;

/** Reads one file's text: YAML first, then the shape. All problems are collected, none is thrown. */
export function readConfigText(file: string, text: string): ConfigText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = {
    file,
    has: (path: readonly PropertyKey[]) => document.hasIn(path),
    problemAt: (path: readonly PropertyKey[], message: string) => ({
      file,
      line: lineOf({ document, lines, path }),
      path: formatPath(path),
      message,
    }),
  };
  const syntax = document.errors.map((error) => ({
    file,
    line: lines.linePos(error.pos[0]).line,
    path: '',
    message: error.message,
  }));
  if (syntax.length > 0) return { ...place, config: null, problems: syntax };

  const content = toContent(document);
  if (content instanceof Error) {
    return { ...place, config: null, problems: [place.problemAt([], content.message)] };
  }
  const parsed = configFileSchema.safeParse(content);
  if (parsed.success) return { ...place, config: parsed.data, problems: [] };
  const problems = parsed.error.issues.flatMap((issue) =>
    describeIssue(issue).map(({ path, message }) => place.problemAt(path, message)),
  );
  return { ...place, config: null, problems };
}

/** An empty file is an empty configuration, not a fault: everything may stand in another file. */
function toContent(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {};
  } catch (cause) {
    // `yaml` throws for aliases without an anchor and for too many of them, here and not while parsing.
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

interface Described {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** An unknown key is reported at the key itself; zod reports it at the map that holds it. */
function describeIssue(issue: z.core.$ZodIssue): readonly Described[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'unknown key' }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path: issue.path, message }));
  }
  return [{ path: issue.path, message: issue.message }];
}

interface Place {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly path: readonly PropertyKey[];
}

/** The line of the longest part of the path that the file writes. */
function lineOf({ document, lines, path }: Place): number | null {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const part of path) {
    const next = step(node, part);
    if (next === null) break;
    node = next.value;
    offset = next.offset ?? offset;
  }
  return offset === null ? null : lines.linePos(offset).line;
}

/** One step down the tree; the place of a map's entry is its key, so that a missing value has one too. */
function step(node: unknown, part: PropertyKey): { value: unknown; offset: number | null } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(part));
    return pair === undefined ? null : { value: pair.value, offset: offsetOf(pair.key) };
  }
  if (typeof node === 'object' && node !== null && 'items' in node && typeof part === 'number') {
    const items: unknown = node.items;
    const value: unknown = Array.isArray(items) ? items[part] : undefined;
    return value === undefined ? null : { value, offset: offsetOf(value) };
  }
  return null;
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function offsetOf(node: unknown): number | null {
  return (node as Node | null)?.range?.[0] ?? null; // every node of `parseDocument` has a range; a bare value has none
}
