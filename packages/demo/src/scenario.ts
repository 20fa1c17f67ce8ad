/** One call of the demo, in numbers: words are tokens (`demo-provider.ts`). */
export interface DemoCall {
  /** Which of the demo's keys calls. */
  readonly key: DemoKeyName;
  readonly api: 'openai' | 'anthropic';
  readonly model: string;
  readonly user: string | null;
  readonly tags: readonly string[];
  /** The customer's plan, where the request itself names it. */
  readonly plan: string | null;
  readonly serviceTier: string | null;
  readonly stream: boolean;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoning: boolean;
}

export type DemoKeyName = 'web' | 'digest' | 'research';

const CALL = {
  user: null,
  tags: [] as readonly string[],
  plan: null,
  serviceTier: null,
  stream: false,
  cachedTokens: 0,
  reasoning: false,
} as const;

/**
 * The demo's first calls, always the same and always in this order, so that its report can be worked out by
 * hand. Three customers use an assistant and a nightly digest; the team itself does research with its own key.
 */
export const SCENARIO: readonly DemoCall[] = [
  // Globex, on plan pro: the assistant, streamed, with a warm cache.
  ...repeat(4, {
    ...CALL,
    key: 'web',
    api: 'anthropic',
    model: 'claude-sonnet-4-6',
    user: 'globex',
    tags: ['feature:assistant', 'env:prod'],
    stream: true,
    inputTokens: 120,
    cachedTokens: 400,
    outputTokens: 80,
  }),
  // Initech, on plan starter: the same assistant on a small model.
  ...repeat(5, {
    ...CALL,
    key: 'web',
    api: 'openai',
    model: 'gpt-5-mini-2025-08-07',
    user: 'initech',
    tags: ['feature:assistant', 'env:prod'],
    stream: true,
    inputTokens: 90,
    cachedTokens: 60,
    outputTokens: 50,
    reasoning: true,
  }),
  // Umbrella asks for the fast lane; the request itself says which plan it runs under.
  ...repeat(2, {
    ...CALL,
    key: 'web',
    api: 'openai',
    model: 'gpt-5-mini-2025-08-07',
    user: 'umbrella',
    tags: ['feature:assistant', 'env:prod'],
    plan: 'pro',
    serviceTier: 'priority',
    inputTokens: 200,
    outputTokens: 40,
  }),
  // The nightly digest of all three.
  ...['globex', 'initech', 'umbrella'].map(
    (user): DemoCall => ({
      ...CALL,
      key: 'digest',
      api: 'openai',
      model: 'gpt-4.1-mini-2025-04-14',
      user,
      tags: ['feature:digest', 'env:prod'],
      inputTokens: 300,
      outputTokens: 60,
    }),
  ),
  // The team's own work: no customer, no tags.
  ...repeat(3, {
    ...CALL,
    key: 'research',
    api: 'anthropic',
    model: 'claude-sonnet-4-6',
    inputTokens: 150,
    outputTokens: 100,
  }),
  // A model no price book knows: it passes, and it is visibly unpriced.
  {
    ...CALL,
    key: 'research',
    api: 'openai',
    model: 'acme-experimental-1',
    inputTokens: 50,
    outputTokens: 20,
  },
];

function repeat(times: number, call: DemoCall): DemoCall[] {
  return Array.from({ length: times }, () => call);
}
