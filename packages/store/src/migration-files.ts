import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One step from one state of the database to the next. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** SHA-256 of the file. */
  readonly checksum: string;
  /** Without comments; `{database}` stands for the database. */
  readonly statements: readonly string[];
}

const FOLDER = join(import.meta.dirname, 'migrations');
const FILE_PATTERN = /^(\d{4})-([a-z0-9-]+)\.sql$/;

/** The migrations of this program, in order. */
export async function readMigrations(folder: string = FOLDER): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => FILE_PATTERN.test(file)).sort();
  return Promise.all(
    files.map(async (file) => toMigration(file, await readFile(join(folder, file), 'utf8'))),
  );
}

function toMigration(file: string, content: string): Migration {
  const [, number = '', name = ''] = FILE_PATTERN.exec(file) ?? [];
  return {
    number: Number(number),
    name,
    checksum: createHash('sha256').update(content).digest('hex'),
    statements: splitStatements(content),
  };
}

/** A statement ends with a semicolon at the end of a line; a comment is a line of its own. */
function splitStatements(content: string): string[] {
  const lines = content.split('\n').filter((line) => !line.trimStart().startsWith('--'));
  return lines
    .join('\n')
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
