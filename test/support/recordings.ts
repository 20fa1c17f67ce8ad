import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

/** One answer of a real provider, recorded by somebody else. Never copied into this repository. */
export interface Recording {
  /** The folder of the provider: `openai`, `anthropic`, `openai-compatible`, … */
  readonly provider: string;
  /** The path below that folder: `chat/openai-text.chunks.txt`. */
  readonly name: string;
  /** `json`: one response body; `chunks`: the payloads of a stream's events, without `data: `. */
  readonly form: 'json' | 'chunks';
  /** The bytes of the file. */
  readonly read: () => Uint8Array;
  /** The payloads of a stream in order; of a JSON body the body alone. */
  readonly payloads: () => readonly string[];
}

/** What a test prints when there are no recordings to run. */
export const NO_RECORDINGS = 'skipped: no recordings';

/**
 * The recordings below the folder that `METERSTONE_RECORDINGS` names (default: beside this repository),
 * sorted by provider and name. Empty when the folder is not there: tests then print `NO_RECORDINGS`.
 */
export function listRecordings(env: NodeJS.ProcessEnv = process.env): readonly Recording[] {
  const folder = resolve(REPOSITORY, env['METERSTONE_RECORDINGS'] ?? '../shared/fixtures');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => toRecording(folder, entry))
    .filter((recording) => recording !== null)
    .toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}

const REPOSITORY = join(import.meta.dirname, '../..');
/** `recorded/<source>/<provider>/…` */
const FOLDERS_ABOVE_PROVIDER = 2;

function toRecording(folder: string, entry: Dirent): Recording | null {
  const path = join(entry.parentPath, entry.name);
  const [provider, ...rest] = relative(folder, path).split(sep).slice(FOLDERS_ABOVE_PROVIDER);
  const form = formOf(entry.name);
  if (provider === undefined || rest.length === 0 || form === null) return null;
  const read = () => readFileSync(path);
  return {
    provider,
    name: rest.join('/'),
    form,
    read,
    payloads: () => payloadsOf(entry.name, read().toString()),
  };
}

function formOf(name: string): Recording['form'] | null {
  if (name.endsWith('.json')) return 'json';
  return name.endsWith('.chunks.txt') || name.endsWith('.sse') ? 'chunks' : null;
}

function payloadsOf(name: string, text: string): string[] {
  if (name.endsWith('.json')) return [text];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (!name.endsWith('.sse')) return lines;
  return lines
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart());
}

function keyOf({ provider, name }: Recording): string {
  return `${provider}/${name}`;
}
