import type { ReportFilters } from './report-question.ts';
import type { ReportSource } from './report-sources.ts';
import { TAG_SETS_TABLE } from './tag-sets.ts';
import { USERS_TABLE } from './users-table.ts';

/** Values of a query's parameters by name. */
export type QueryParams = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Filters that compare one column with one text. */
const TEXT_FILTERS = [
  ['model', 'model', 'model'],
  ['provider', 'provider', 'provider'],
  ['apiKeyId', 'api_key_id', 'api_key_id'],
  ['project', 'project', 'project'],
  ['plan', 'rate_plan', 'plan'],
  ['serviceTier', 'service_tier', 'service_tier'],
  ['operation', 'operation', 'operation'],
  ['outcome', 'outcome', 'outcome'],
  ['region', 'region', 'region'],
] as const;

/** Conditions over a table that the query calls `t`; the values go to `params`, the same ones whatever the table. */
export function filterConditions(
  filters: ReportFilters,
  { isRaw }: ReportSource,
  params: Record<string, QueryParams[string]>,
): readonly string[] {
  const conditions: string[] = [];
  if (filters.userId !== null) conditions.push(userCondition(filters.userId, params));
  for (const [filter, column, param] of TEXT_FILTERS) {
    const value = filters[filter];
    if (value === null || value === undefined) continue;
    params[param] = value;
    conditions.push(`t.${column} = {${param}:String}`);
  }
  if (filters.credentialType !== null) {
    const types = filters.credentialType === 'byok' ? "'byok', 'subscription'" : "'system', 'reserved'";
    conditions.push(`t.credential_type IN (${types})`);
  }
  if (filters.zeroDataRetention !== null) {
    params['zero_data_retention'] = filters.zeroDataRetention;
    conditions.push('t.zero_data_retention = {zero_data_retention:Bool}');
  }
  if (filters.tags.length > 0) {
    params['tags'] = filters.tags;
    const has = filters.tagsMatch === 'all' ? 'hasAll' : 'hasAny';
    conditions.push(isRaw ? `${has}(t.tags, {tags:Array(String)})` : tagSetsCondition(has));
  }
  return conditions;
}

/** Rollups know a tag set by its hash: the filter chooses sets, and the sets choose rows. */
function tagSetsCondition(has: string): string {
  const ofOrg = `SELECT tags_hash FROM ${TAG_SETS_TABLE.name} WHERE org_id = {org_id:String}`;
  return `t.tags_hash IN (${ofOrg} AND ${has}(tags, {tags:Array(String)}))`;
}

/**
 * The key is looked up by name where the names are, so that reading needs no secret and finds a person under every
 * key that they were given.
 */
function userCondition(user: string, params: Record<string, QueryParams[string]>): string {
  if (user === '') return "t.user_key = toFixedString('', 16)";
  params['user_id'] = user;
  const ofOrg = `SELECT user_key FROM ${USERS_TABLE.name} WHERE org_id = {org_id:String}`;
  return `t.user_key IN (${ofOrg} AND user = {user_id:String})`;
}
