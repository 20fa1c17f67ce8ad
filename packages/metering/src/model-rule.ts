/** Which model names a catalogue entry stands for, as tests on the name in lower case. */
export type ModelRule =
  | { readonly startsWith: string }
  | { readonly endsWith: string }
  | { readonly contains: string }
  | { readonly equals: string }
  | { readonly regex: RegExp }
  | { readonly any: readonly ModelRule[] }
  | { readonly all: readonly ModelRule[] };

/** Whether `name` (in lower case) is meant by the rule. */
export function matchesRule(rule: ModelRule, name: string): boolean {
  if ('equals' in rule) return name === rule.equals;
  if ('startsWith' in rule) return name.startsWith(rule.startsWith);
  if ('endsWith' in rule) return name.endsWith(rule.endsWith);
  if ('contains' in rule) return name.includes(rule.contains);
  if ('regex' in rule) return rule.regex.test(name);
  if ('any' in rule) return rule.any.some((part) => matchesRule(part, name));
  return rule.all.every((part) => matchesRule(part, name));
}
