import { asFact, asObject, type JsonObject } from './json-value.ts';
import { type MessageCounts, messageCounts, sameTotals, sumOfCounts } from './message-counts.ts';
import type { TokenSheet } from './token-sheet.ts';

/** What `usage.iterations` adds to the top-level counts of a message. */
export interface Iterations {
  /** The model that served the answer when a fallback did; `null`: no fallback, the message's own model. */
  readonly servedModel: string | null;
  /** Compactions: on the served model, in no top-level count. */
  readonly compactions: readonly MessageCounts[];
  /** Sampling calls that the top-level counts are the sum of. */
  readonly served: readonly MessageCounts[];
  /** Calls on other models, in no top-level count: advisors. */
  readonly advisors: readonly ModelCounts[];
  /** Fallback hops that declined after some output. */
  readonly declined: readonly ModelCounts[];
  /** The entries do not add up to the top level, or one is of an unknown type. */
  readonly contradictory: boolean;
}

export interface ModelCounts {
  readonly model: string;
  readonly counts: MessageCounts;
}

/**
 * Sorts the entries of `usage.iterations` (beta; @anthropic-ai/sdk's `BetaIterationsUsage`, read 2026-11-24):
 * top-level counts are the sum of the served model's calls. They leave out `compaction` entries and
 * `advisor_message` entries, which bill at their own model. A `fallback_message` entry says that another
 * model than the requested one served; hops before it are `message` entries with the model that declined.
 * Of those, only hops with output are listed: a request refused before any output is not billed (Anthropic's
 * release notes), one that broke off is (BerriAI/litellm#39294, read 2026-11-24).
 * `null`: there are none.
 */
export function readIterations(usage: JsonObject, top: MessageCounts, sheet: TokenSheet): Iterations | null {
  const entries = Array.isArray(usage['iterations']) ? usage['iterations'].map(asObject) : [];
  if (entries.length === 0) return null;
  const servedModel = modelOfLast(entries, 'fallback_message');
  const sorted = { compactions: [] as MessageCounts[], served: [] as MessageCounts[] };
  const others = { advisors: [] as ModelCounts[], declined: [] as ModelCounts[] };
  let unknown = false;
  for (const entry of entries) {
    const model = asFact(entry?.['model']);
    const part = partOf(entry, model, servedModel);
    if (entry === null || part === 'unknown') unknown = true;
    else if (part === 'compactions' || part === 'served') sorted[part].push(messageCounts(entry, sheet));
    else if (model !== null) others[part].push({ model, counts: messageCounts(entry, sheet) });
  }
  return {
    servedModel,
    ...sorted,
    advisors: others.advisors,
    declined: others.declined.filter(({ counts }) => (counts.output ?? 0) > 0),
    contradictory: unknown || (sorted.served.length > 0 && !sameTotals(sumOfCounts(sorted.served), top)),
  };
}

type IterationPart = 'compactions' | 'served' | 'advisors' | 'declined' | 'unknown';

function partOf(entry: JsonObject | null, model: string | null, servedModel: string | null): IterationPart {
  switch (entry?.['type']) {
    case 'compaction':
      return 'compactions';
    case 'fallback_message':
      return 'served';
    case 'message':
      return servedModel !== null && model !== null && model !== servedModel ? 'declined' : 'served';
    case 'advisor_message':
      return model === null ? 'unknown' : 'advisors';
    default:
      return 'unknown';
  }
}

function modelOfLast(entries: readonly (JsonObject | null)[], type: string): string | null {
  const entry = entries.findLast((candidate) => candidate?.['type'] === type);
  return asFact(entry?.['model']);
}
