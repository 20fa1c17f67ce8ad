import type { ApiKey } from '@meterstone/control';
import { EVENT_LIMITS, type OrgTerms, type RatePlan } from '@meterstone/metering';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttributionSources, attribute, readHeaderAttribution } from './attribute.ts';
import { sortHeaders } from './headers.ts';

const KEY: ApiKey = {
  id: 'key_a',
  name: 'a',
  orgId: 'acme',
  scopes: new Set(['proxy']),
  project: 'chat',
  plan: 'key-plan',
};
const PLAN: RatePlan = { name: 'asked', versions: [] };
const TERMS: OrgTerms = {
  orgId: 'acme',
  plan: 'org-plan',
  ratePlans: new Map([['asked', PLAN]]),
  userPlans: new Map([['customer-7', 'user-plan']]),
  keyPlans: new Map(),
  byokFeePerRequest: 0n,
};

function headersOf(own: Record<string, string>) {
  return readHeaderAttribution(sortHeaders(Object.entries(own).flat()));
}

function attributeWith(facts: Partial<AttributionSources>) {
  return attribute({
    headers: headersOf({}),
    gateway: null,
    bodyUser: null,
    key: KEY,
    terms: TERMS,
    ...facts,
  });
}

describe('attribution', () => {
  it('takes the plan of the request, else of the user, else of the key, else of the org', () => {
    const keyWithout = { ...KEY, plan: null };
    expect(
      attributeWith({ headers: headersOf({ 'meterstone-plan': 'asked' }), bodyUser: 'customer-7' }).plan,
    ).toBe('asked');
    expect(attributeWith({ bodyUser: 'customer-7' }).plan).toBe('user-plan');
    expect(attributeWith({ bodyUser: 'customer-8' }).plan).toBe('key-plan');
    expect(attributeWith({ key: keyWithout }).plan).toBe('org-plan');
    expect(attributeWith({ key: keyWithout, terms: undefined }).plan).toBeNull();
  });

  it('knows no plan of an org without terms', () => {
    const headers = headersOf({ 'meterstone-plan': 'asked' });
    expect(() => attributeWith({ headers, terms: undefined })).toThrow(
      expect.objectContaining({ code: 'unknown_plan' }),
    );
  });

  it('takes the project of the request before that of the key', () => {
    expect(attributeWith({}).project).toBe('chat');
    expect(attributeWith({ headers: headersOf({ 'meterstone-project': 'p' }) }).project).toBe('p');
  });

  it('counts characters, not UTF-16 units', () => {
    const user = '🙂'.repeat(EVENT_LIMITS.userCharactersMax);
    expect(attributeWith({ gateway: { user, tags: [], splices: [] } }).user).toBe(user);
    expect(attributeWith({ bodyUser: `${user}🙂` })).toMatchObject({ user: null, userUnattributed: true });
  });

  it('reads UTF-8 in a header, and Latin-1 where it is none', () => {
    const asNodeGivesIt = (bytes: Buffer) => bytes.toString('latin1');
    expect(headersOf({ 'ai-reporting-user': asNodeGivesIt(Buffer.from('Zoë 🙂')) }).user).toBe('Zoë 🙂');
    expect(headersOf({ 'ai-reporting-user': asNodeGivesIt(Buffer.from('Zoë', 'latin1')) }).user).toBe('Zoë');
  });

  it('takes an empty header as absent', () => {
    expect(headersOf({ 'ai-reporting-user': '', 'ai-reporting-tags': '' })).toMatchObject({
      user: null,
      tags: [],
    });
  });

  it('sorts merged tags by code point and keeps each once', () => {
    const tag = fc
      .string({ unit: fc.constantFrom('a', 'b', '\uffee', '🙂', '\ue000'), minLength: 1, maxLength: 4 })
      .filter((text) => text.trim() === text);
    fc.assert(
      fc.property(
        fc.array(tag, { maxLength: 5 }),
        fc.array(tag, { maxLength: 5 }),
        (fromHeader, fromBody) => {
          const headers = { ...headersOf({}), tags: fromHeader };
          const { tags } = attributeWith({ headers, gateway: { user: null, tags: fromBody, splices: [] } });
          const bytes = [...new Set([...fromHeader, ...fromBody])].map((text) => Buffer.from(text));
          expect(tags).toEqual(bytes.toSorted(Buffer.compare).map(String));
        },
      ),
    );
  });

  it('reads no trace id out of a header that is not traceparent', () => {
    expect(headersOf({ traceparent: 'nonsense' }).traceId).toBeNull();
  });
});
