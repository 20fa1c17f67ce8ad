import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type PriceBook, type PriceBookText, readPriceBook } from '@meterstone/metering';
import { applyCorrections, type Correction } from './corrections.ts';

const CATALOGUE_FILE = new URL('../data/price-book.json', import.meta.url);
const CORRECTIONS_FILE = new URL('../data/corrections.json', import.meta.url);
/** Hex digits of a version: 64 bits tell the few books of one installation apart. */
const VERSION_CHARACTERS = 16;

/**
 * The list prices that ship with this version: the exported catalogue under our corrections. `version` is the hash
 * of both files. Reads about 700 kB and takes tens of milliseconds; load once and keep.
 */
export async function loadPriceBook(): Promise<PriceBook> {
  const { text, version } = await readFiles();
  return readPriceBook(text, version);
}

/** The same book as it is written, for checks over its data. */
export async function loadPriceBookText(): Promise<PriceBookText> {
  return (await readFiles()).text;
}

async function readFiles(): Promise<{ text: PriceBookText; version: string }> {
  const [catalogue, corrections] = await Promise.all([
    readFile(CATALOGUE_FILE, 'utf8'),
    readFile(CORRECTIONS_FILE, 'utf8'),
  ]);
  const hash = createHash('sha256').update(catalogue).update('\0').update(corrections).digest('hex');
  // Both files ship with this package and are checked whole by its tests.
  const { providers } = JSON.parse(catalogue) as PriceBookText;
  const lines = (JSON.parse(corrections) as { corrections: Correction[] }).corrections;
  return { text: applyCorrections({ providers }, lines), version: hash.slice(0, VERSION_CHARACTERS) };
}
