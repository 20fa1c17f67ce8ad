/** A provider's answer headers, as the client gets them. */
export interface AnswerHeaders {
  /** Names and values in turn: order, case and duplicates as they came. */
  readonly passed: string[];
  readonly contentType: string | null;
  /** `null`: not compressed. */
  readonly contentEncoding: string | null;
  readonly hasLength: boolean;
}

export interface AnswerHeaderOptions {
  /** The body will be shorter than announced, or its length is not known. */
  readonly dropsLength: boolean;
  /** The client's HTTP version or the answer's length leaves no room for trailers. */
  readonly dropsTrailer: boolean;
}

/** Leaves out what is hop-by-hop (RFC 9110, 7.6.1); Node writes its own for the next hop. */
export function toAnswerHeaders(raw: readonly Buffer[], options: AnswerHeaderOptions): AnswerHeaders {
  const passed: string[] = [];
  let contentType: string | null = null;
  let contentEncoding: string | null = null;
  let hasLength = false;
  let connection: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]?.toString('latin1') ?? '';
    const value = raw[index + 1]?.toString('latin1') ?? '';
    switch (name.toLowerCase()) {
      case 'connection':
        connection = value;
        continue;
      case 'keep-alive':
      case 'proxy-connection':
      case 'transfer-encoding':
      case 'upgrade':
        continue;
      case 'trailer':
        if (options.dropsTrailer) {
          continue;
        }
        break;
      case 'content-length':
        if (options.dropsLength) {
          continue;
        }
        hasLength = true;
        break;
      case 'content-type':
        contentType = value;
        break;
      case 'content-encoding':
        contentEncoding = value.toLowerCase() === 'identity' ? null : value;
        break;
    }
    passed.push(name, value);
  }
  return { passed: dropNamed(passed, connection), contentType, contentEncoding, hasLength };
}

function dropNamed(passed: string[], connection: string | undefined): string[] {
  if (connection === undefined || PLAIN.test(connection)) {
    return passed;
  }
  const named = new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
  return passed.filter((_, index) => !named.has(passed[index - (index % 2)]?.toLowerCase() ?? ''));
}

const PLAIN = /^\s*(keep-alive|close)\s*$/i;
