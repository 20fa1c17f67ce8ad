import type { Dispatcher } from 'undici';
import type { ReadNames } from './answer-names.ts';

/** A provider's answer headers, as the client gets them. */
export interface AnswerHeaders {
  /** Names and values in turn: order, case and duplicates as they came. */
  readonly passed: string[];
  readonly contentType: string | null;
  /** `null`: not compressed. */
  readonly contentEncoding: string | null;
  /** In bytes; `null`: not announced. */
  readonly contentLength: number | null;
}

/**
 * Leaves out what is hop-by-hop (RFC 9110, 7.6.1); Node writes its own for the next hop. `trailer` stays only where
 * the answer can have trailers: Node refuses to announce any behind a body that is not chunked.
 */
export function toAnswerHeaders(
  raw: readonly Buffer[],
  { readNames, mayHaveTrailers }: { readonly readNames: ReadNames; readonly mayHaveTrailers: boolean },
): AnswerHeaders {
  const names = readNames(raw);
  const passed: string[] = [];
  let contentType: string | null = null;
  let contentEncoding: string | null = null;
  let contentLength: number | null = null;
  let hasTrailer = false;
  let connection: string | undefined;
  for (let index = 0; index < names.length; index++) {
    const { text, lower } = names[index] ?? NO_NAME;
    const value = raw[index * 2 + 1]?.toString('latin1') ?? '';
    switch (lower) {
      case 'connection':
        connection = value;
        continue;
      case 'keep-alive':
      case 'proxy-connection':
      case 'transfer-encoding':
      case 'upgrade':
        continue;
      case 'trailer':
        hasTrailer = true;
        break;
      case 'content-length':
        contentLength = Number(value);
        break;
      case 'content-type':
        contentType = value;
        break;
      case 'content-encoding':
        contentEncoding = value.toLowerCase() === 'identity' ? null : value;
        break;
    }
    passed.push(text, value);
  }
  const dropped = connection === undefined || PLAIN.test(connection) ? [] : connection.split(',');
  if (hasTrailer && (contentLength !== null || !mayHaveTrailers)) {
    dropped.push('trailer');
  }
  return { passed: withoutHeaders(passed, dropped), contentType, contentEncoding, contentLength };
}

/** Names and values in turn, without those of the given names. */
export function withoutHeaders(passed: string[], names: readonly string[]): string[] {
  if (names.length === 0) {
    return passed;
  }
  const named = new Set(names.map((name) => name.trim().toLowerCase()));
  return passed.filter((_, index) => !named.has(passed[index - (index % 2)]?.toLowerCase() ?? ''));
}

/** Names and values in turn as pairs, for trailers. */
export function toPairs(flat: readonly Buffer[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    pairs.push([flat[index]?.toString('latin1') ?? '', flat[index + 1]?.toString('latin1') ?? '']);
  }
  return pairs;
}

/** undici's raw headers or trailers, names and values in turn; empty: none. */
export function rawBytes(raw: Dispatcher.DispatchController['rawHeaders']): readonly Buffer[] {
  // undici 8 hands raw headers of HTTP/1.1 as buffers, names and values in turn; its typing allows more.
  return Array.isArray(raw) ? (raw as Buffer[]) : [];
}

const NO_NAME = { text: '', lower: '' };
const PLAIN = /^\s*(keep-alive|close)\s*$/i;
