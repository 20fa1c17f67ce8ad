import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHeaderPlans, planHeaders } from './header-plans.ts';

const name = fc.constantFrom(
  'host',
  'Host',
  'x-a',
  'X-API-Key',
  'meterstone-plan',
  'x-meterstone-later',
  'TE',
);
const request = fc.array(name, { maxLength: 4 });

function toRaw(names: readonly string[]): string[] {
  return names.flatMap((each) => [each, 'value']);
}

describe('planning headers', () => {
  it('plans each request as if it were the first, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 40 }), (requests) => {
        const findPlan = createHeaderPlans();
        for (const names of requests) {
          expect(findPlan(toRaw(names))).toEqual(planHeaders(toRaw(names)));
        }
      }),
    );
  });

  it('remembers no more than eight plans', () => {
    const findPlan = createHeaderPlans();
    const first = findPlan(['date', '1']);
    expect(findPlan(['date', '2'])).toBe(first);
    for (let other = 0; other < 8; other++) {
      findPlan([`x-${other}`, '1']);
    }
    expect(findPlan(['date', '1'])).not.toBe(first);
  });

  it('remembers no plan of more than 64 names', () => {
    const findPlan = createHeaderPlans();
    const raw = toRaw(Array.from({ length: 65 }, (_, index) => `x-${index}`));
    expect(findPlan(raw)).not.toBe(findPlan(raw));
  });

  it('keeps every name of ours from the provider, also those of a later version', () => {
    const { roles } = planHeaders(
      toRaw(['meterstone-later', 'X-Meterstone-Later', 'ai-reporting-later', 'x-own']),
    );
    expect(roles).toEqual(['drop', 'drop', 'drop', 'pass']);
  });
});
