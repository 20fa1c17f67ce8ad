import type { ConfigProblem } from './config-problem.ts';
import type { ConfigFile, KeyConfig, OrgConfig } from './config-schema.ts';
import type { ConfigText } from './config-text.ts';

type Path = readonly PropertyKey[];
type Report = (path: Path, message: string) => void;

/**
 * The rules that hold between entries, checked on the merged configuration: key ids and hashes are unique
 * over all orgs, key names within one org, and every plan that is named exists. A problem is placed in the
 * last file that writes the entry, because that file's word counted.
 */
export function checkConfig(config: ConfigFile, texts: readonly ConfigText[]): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const report: Report = (path, message) => {
    const text = texts.findLast((candidate) => candidate.has(path)) ?? texts.at(-1);
    if (text !== undefined) problems.push(text.problemAt(path, message));
  };
  const ids = new Map<string, string>();
  const hashes = new Map<string, string>();
  for (const [orgId, org] of Object.entries(config.orgs)) {
    checkPlans(orgId, org, report);
    checkVersions(orgId, org, report);
    const names = new Map<string, string>();
    for (const key of org.keys) {
      const keyReport = keyReporter({ orgId, key, texts, problems });
      checkUnique({ seen: ids, value: key.id, owner: key.id, what: 'id', report: keyReport });
      checkUnique({ seen: hashes, value: key.sha256, owner: key.id, what: 'sha256', report: keyReport });
      checkUnique({ seen: names, value: key.name, owner: key.id, what: 'name', report: keyReport });
      if (key.plan !== undefined) requirePlan(org, key.plan, (message) => keyReport('plan', message));
    }
  }
  return problems;
}

/** A key's index differs from file to file, so its place is searched by id; the last copy is the faulty one. */
function keyReporter(context: {
  readonly orgId: string;
  readonly key: KeyConfig;
  readonly texts: readonly ConfigText[];
  readonly problems: ConfigProblem[];
}): (field: string, message: string) => void {
  const { orgId, key, texts, problems } = context;
  return (field, message) => {
    for (const text of texts.toReversed()) {
      const keys = text.config?.orgs[orgId]?.keys ?? [];
      const index = keys.findLastIndex((candidate) => candidate.id === key.id);
      if (index >= 0) {
        problems.push(text.problemAt(['orgs', orgId, 'keys', index, field], message));
        return;
      }
    }
  };
}

function checkUnique(check: {
  readonly seen: Map<string, string>;
  readonly value: string;
  readonly owner: string;
  readonly what: 'id' | 'sha256' | 'name';
  readonly report: (field: string, message: string) => void;
}): void {
  const { seen, value, owner, what, report } = check;
  const other = seen.get(value);
  if (other === undefined) {
    seen.set(value, owner);
    return;
  }
  report(what, `must be unique; the key ${other} has the same ${what}`);
}

function checkPlans(orgId: string, org: OrgConfig, report: Report): void {
  const at = ['orgs', orgId];
  if (org.plan !== undefined) requirePlan(org, org.plan, (message) => report([...at, 'plan'], message));
  for (const [user, plan] of Object.entries(org.users)) {
    requirePlan(org, plan, (message) => report([...at, 'users', user], message));
  }
}

function requirePlan(org: OrgConfig, plan: string, report: (message: string) => void): void {
  if (Object.hasOwn(org.rate_plans, plan)) return;
  const known = Object.keys(org.rate_plans).join(', ');
  report(`no rate plan "${plan}" in this org; it has ${known === '' ? 'none' : known}`);
}

/** Versions need distinct starts; their order in the file does not matter. */
function checkVersions(orgId: string, org: OrgConfig, report: Report): void {
  for (const [plan, versions] of Object.entries(org.rate_plans)) {
    const starts = new Set<number>();
    versions.forEach((version, index) => {
      const startMs = Date.parse(version.from);
      if (starts.has(startMs)) {
        report(['orgs', orgId, 'rate_plans', plan, index, 'from'], 'two versions of the plan start here');
      }
      starts.add(startMs);
    });
  }
}
