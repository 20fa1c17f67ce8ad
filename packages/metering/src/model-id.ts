const SNAPSHOT_PATTERN = /(?:[-@](?:20\d{6}|20\d{2}-\d{2}-\d{2})|-latest|-v\d+:\d+)+$/;
/** OpenRouter's routing wishes, which do not change the price list (its `:free` and `:batch` do and stay). */
const ROUTE_PATTERN = /:(?:nitro|floor|exacto)$/;
/** `models/x` and `publishers/google/models/x` (Google), `accounts/fireworks/models/x`. */
const RESOURCE_PATTERN = /^(?:(?:publishers|accounts)\/[^/]+\/)?models\//;

/** A model name without what only dates it: `claude-opus-5-20260701`, `claude-opus-5@20260701`, `…-latest`. */
export function withoutSnapshot(name: string): string {
  return name.replace(SNAPSHOT_PATTERN, '');
}

/**
 * A name as loosely as it may be read: lower case, without resource path, without the provider's own prefix and
 * route wish, dots as dashes (`gpt-4.1` = `gpt-4-1`). Fine-tune marks (`ft:`) and size or variant words stay,
 * for they change the price.
 */
export function looseModelName(name: string, provider: string): string {
  const plain = name.toLowerCase().trim().replace(RESOURCE_PATTERN, '').replace(ROUTE_PATTERN, '');
  const own = plain.startsWith(`${provider}/`) ? plain.slice(provider.length + 1) : plain;
  return own.replaceAll('.', '-');
}
