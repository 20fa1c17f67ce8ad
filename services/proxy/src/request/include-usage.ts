import type { ProviderKind } from '@meterstone/metering';
import { acceptsStreamOptions } from '@meterstone/providers';
import { type BodyFacts, hasWord } from './body-facts.ts';
import { lastMember, scanObject } from './json-scan.ts';
import type { Splice } from './splice.ts';

export interface UsageRequest {
  readonly kind: ProviderKind;
  /** The reader's operation. */
  readonly operation: string;
  /** Path and query as sent upstream. */
  readonly path: string;
}

/** Whether a provider takes `stream_options.include_usage` on this path, and reports no usage without it. */
export function needsIncludeUsage({ kind, operation, path }: UsageRequest): boolean {
  if (!OPERATIONS.has(operation) || !acceptsStreamOptions(kind)) {
    return false;
  }
  return kind !== 'azure' || azureTakesIt(path);
}

/**
 * The splices that make a body ask for usage, all other options kept; `null` when the caller asked already, wants
 * no stream, or wrote `stream_options` in a way that the provider will refuse anyway.
 */
export function askForUsage({ body, scan, stream }: BodyFacts): Splice[] | null {
  if (!stream) {
    return null;
  }
  const options = lastMember(scan, 'stream_options');
  if (options === undefined) {
    return [insertAt(scan.open + 1, '"stream_options":{"include_usage":true},')];
  }
  const { valueStart, valueEnd } = options;
  if (hasWord(body, valueStart, 'null')) {
    return [{ start: valueStart, end: valueEnd, insert: '{"include_usage":true}' }];
  }
  const inner = scanObject(body, valueStart, ['include_usage']);
  if (inner === null) {
    return null;
  }
  const asked = lastMember(inner, 'include_usage');
  if (asked === undefined) {
    return [insertAt(inner.open + 1, `"include_usage":true${inner.memberCount === 0 ? '' : ','}`)];
  }
  return hasWord(body, asked.valueStart, 'true')
    ? null
    : [{ start: asked.valueStart, end: asked.valueEnd, insert: 'true' }];
}

const OPERATIONS: ReadonlySet<string> = new Set(['chat', 'completions']);

/** Azure OpenAI knows the option since api-version 2024-09-01-preview, and on its versionless `/openai/v1/`. */
const AZURE_VERSION_MIN = '2024-09-01';

function azureTakesIt(path: string): boolean {
  const version = /[?&]api-version=([^&]*)/.exec(path)?.[1];
  return version === undefined || !/^\d/.test(version)
    ? path.startsWith('/openai/v1/')
    : version >= AZURE_VERSION_MIN;
}

function insertAt(at: number, insert: string): Splice {
  return { start: at, end: at, insert };
}
