import { type AnswerFacts, lineWithoutUsage } from './answer.ts';
import type { Members } from './json-scan.ts';
import { asFact, asObject, type JsonObject, parseJson, textOf } from './json-value.ts';
import { readMessageUsage, servedTier } from './message-usage.ts';
import { sidesReported } from './token-sheet.ts';

/** The facts of an Anthropic answer before its usage is read. */
export interface MessageFacts {
  readonly responseId: string | null;
  readonly responseModel: string | null;
  readonly finishReason: string | null;
  readonly errorType: string | null;
}

/** What is known of a message's usage: the fields, and the text they came from. */
export interface FoundUsage {
  readonly fields: JsonObject;
  readonly raw: string;
}

/** The answer from its facts and usage; `ended`: its final counts have come. */
export function messageAnswer(facts: MessageFacts, usage: FoundUsage | null, ended: boolean): AnswerFacts {
  if (usage === null) {
    const line = lineWithoutUsage(facts.responseModel);
    return { ...facts, serviceTier: null, region: null, usageSource: 'none', lines: [line] };
  }
  const lines = readMessageUsage({ ...usage, responseModel: facts.responseModel });
  const sides = sidesReported(lines[0]?.presentBuckets ?? 0);
  return {
    ...facts,
    responseModel: lines[0]?.responseModel ?? facts.responseModel,
    serviceTier: asFact(servedTier(usage.fields)),
    region: regionOf(usage.fields),
    usageSource: sides === 'reported' && !ended ? 'partial' : sides,
    lines,
  };
}

/** The usage object among the members, with its text; `null`: none, or not an object. */
export function foundUsage(bytes: Uint8Array, members: Members): FoundUsage | null {
  const usage = members.get('usage');
  if (usage === undefined) return null;
  const raw = textOf(bytes.subarray(usage.start, usage.end));
  const fields = asObject(parseJson(raw));
  return fields === null ? null : { fields, raw };
}

/** `inference_geo`; older models say `not_available`, which names no region. */
function regionOf(fields: JsonObject): string | null {
  const region = asFact(fields['inference_geo']);
  return region === 'not_available' ? null : region;
}
