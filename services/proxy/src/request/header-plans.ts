/** Meterstone's own request headers that carry attribution. */
export type OwnHeader = (typeof OWN_HEADERS)[number];

/** Whom a header is for: `pass` the provider, `drop` nobody behind us, the others have a sort of their own. */
export type HeaderRole =
  | 'pass'
  | 'drop'
  | 'connection'
  | 'credential'
  | 'own'
  | 'key'
  | 'transfer-encoding'
  | 'content-length'
  | 'content-type'
  | 'content-encoding'
  | 'traceparent';

/** What becomes of the headers of a request, one by one, by their names alone. */
export interface HeaderPlan {
  /** As the client wrote them. */
  readonly names: readonly string[];
  readonly lower: readonly string[];
  readonly roles: readonly HeaderRole[];
}

/** Finds the plan for raw headers (names and values in turn). */
export type FindPlan = (raw: readonly string[]) => HeaderPlan;

/**
 * Remembers the last few plans: a client sends the same names in the same order with every request, and to compare them
 * takes a tenth of the time that looking each of them up takes.
 */
export function createHeaderPlans(): FindPlan {
  const plans: HeaderPlan[] = [];
  return (raw) => {
    for (const [place, plan] of plans.entries()) {
      if (isPlanOf(plan, raw)) {
        // What is asked for often stands in front.
        plans[place] = plans[0] ?? plan;
        plans[0] = plan;
        return plan;
      }
    }
    const plan = planHeaders(raw);
    if (plan.names.length <= NAMES_REMEMBERED_MAX) {
      plans.splice(PLANS_MAX - 1);
      plans.unshift(plan);
    }
    return plan;
  };
}

/** Works a plan out. */
export function planHeaders(raw: readonly string[]): HeaderPlan {
  const names = raw.filter((_, index) => index % 2 === 0);
  const lower = names.map((name) => name.toLowerCase());
  return { names, lower, roles: lower.map(roleOf) };
}

const PLANS_MAX = 8;
/** Longer lists are planned anew each time: what is remembered stays small whatever clients send. */
const NAMES_REMEMBERED_MAX = 64;

function isPlanOf({ names }: HeaderPlan, raw: readonly string[]): boolean {
  if (raw.length !== names.length * 2) {
    return false;
  }
  for (let index = 0; index < names.length; index++) {
    if (raw[index * 2] !== names[index]) {
      return false;
    }
  }
  return true;
}

function roleOf(lower: string): HeaderRole {
  return ROLES.get(lower) ?? (isOwnName(lower) ? 'drop' : 'pass');
}

/** Also names that a later version will know: none of ours is ever for the provider. */
function isOwnName(lower: string): boolean {
  return (
    lower.startsWith('meterstone-') || lower.startsWith('x-meterstone-') || lower.startsWith('ai-reporting-')
  );
}

const OWN_HEADERS = [
  'ai-reporting-user',
  'ai-reporting-tags',
  'meterstone-project',
  'meterstone-plan',
  'meterstone-session',
  'meterstone-agent',
  'meterstone-operation-id',
] as const;

const DROPPED = [
  'host',
  'expect',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'http2-settings',
  'accept-encoding',
];

const CREDENTIALS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'];

const ROLES: ReadonlyMap<string, HeaderRole> = new Map([
  ...DROPPED.map((name): [string, HeaderRole] => [name, 'drop']),
  ...CREDENTIALS.map((name): [string, HeaderRole] => [name, 'credential']),
  ...OWN_HEADERS.map((name): [string, HeaderRole] => [name, 'own']),
  ['x-meterstone-key', 'key'],
  ['connection', 'connection'],
  ['transfer-encoding', 'transfer-encoding'],
  ['content-length', 'content-length'],
  ['content-type', 'content-type'],
  ['content-encoding', 'content-encoding'],
  ['traceparent', 'traceparent'],
]);
