import type { Recording } from './recordings.ts';

/** What a provider said it used, in report columns added up: read here with other code than the product's. */
export interface SaidUsage {
  readonly api: 'openai' | 'anthropic';
  readonly allInput: number;
  readonly allOutput: number;
}

/** Why a recording is not replayed. */
export interface LeftOut {
  readonly leftOut: string;
}

type Json = Record<string, unknown>;

/** Reads what a recorded chat completion or Anthropic message said it used. */
export function saidUsage(recording: Recording): SaidUsage | LeftOut {
  if (recording.provider === 'xai' || recording.name.includes('xai-'))
    return { leftOut: 'xai: its rule comes later' };
  const payloads = parseAll(recording.payloads().filter((payload) => payload.startsWith('{')));
  if (payloads === null) return { leftOut: 'not JSON' };
  const kinds = new Set(payloads.map((payload) => payload['object'] ?? payload['type']));
  // Moonshot's chunks name no object.
  const isChat = payloads.some(
    (payload) => Array.isArray(payload['choices']) && payload['model'] !== undefined,
  );
  if (isChat) return saidByOpenAi(payloads);
  if (kinds.has('message') || kinds.has('message_start')) return saidByAnthropic(payloads);
  return { leftOut: 'neither a chat completion nor a message' };
}

function parseAll(texts: readonly string[]): Json[] | null {
  try {
    return texts.map((text) => JSON.parse(text) as Json);
  } catch {
    return null;
  }
}

function saidByOpenAi(payloads: readonly Json[]): SaidUsage | LeftOut {
  const usages = payloads
    .map((payload) => payload['usage'] ?? (payload['x_groq'] as Json | undefined)?.['usage'])
    .filter((usage): usage is Json => typeof usage === 'object' && usage !== null);
  const last = usages.at(-1);
  if (last === undefined) return { leftOut: 'no usage' };
  return {
    api: 'openai',
    allInput: Number(last['prompt_tokens']),
    allOutput: Number(last['completion_tokens']),
  };
}

function saidByAnthropic(payloads: readonly Json[]): SaidUsage | LeftOut {
  // Of each field the last value that was said.
  const fields: Json = {};
  for (const payload of payloads) {
    const message = (payload['message'] ?? payload) as Json;
    for (const [name, value] of Object.entries((message['usage'] ?? {}) as Json))
      if (value !== null) fields[name] = value;
  }
  if (Object.keys(fields).length === 0) return { leftOut: 'no usage' };
  const iterations = Array.isArray(fields['iterations']) ? (fields['iterations'] as Json[]) : [];
  const types = new Set(iterations.map((iteration) => iteration['type']));
  // Totals leave out compaction and what an advisor on another model used.
  const counted = types.has('compaction')
    ? iterations
    : [fields, ...iterations.filter((iteration) => iteration['type'] === 'advisor_message')];
  return {
    api: 'anthropic',
    allInput: counted.reduce((sum, part) => sum + inputOf(part), 0),
    allOutput: counted.reduce((sum, part) => sum + Number(part['output_tokens'] ?? 0), 0),
  };
}

function inputOf(part: Json): number {
  return ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'].reduce(
    (sum, name) => sum + Number(part[name] ?? 0),
    0,
  );
}
