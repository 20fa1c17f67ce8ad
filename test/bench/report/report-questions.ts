import { reportKeyOf, trafficOrgs, userName } from '../traffic/orgs.ts';
import type { HttpCall } from './http-call.ts';

/** One way to ask for a report. */
export interface ReportForm {
  /** Stands in the metric's name. */
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  /** About one user of the org. */
  readonly ofUser: boolean;
}

const GROUPS = [
  'day',
  'user',
  'model',
  'tag',
  'provider',
  'credential_type',
  'zero_data_retention',
  'api_key_name',
  'plan',
  'project',
  'service_tier',
];

/** What one customer used, by model; then every grouping of the whole org. */
export const REPORT_FORMS: readonly ReportForm[] = [
  { name: 'customer', query: { group_by: 'model' }, ofUser: true },
  ...GROUPS.map((group) => ({ name: group, query: { group_by: group }, ofUser: false })),
];

export interface ReportRange {
  /** Days, both included. */
  readonly startDate: string;
  readonly endDate: string;
}

/** The form as a request, of an org and user that `random` chooses: large ones as often as they have users. */
export function toReportCall(
  { query, ofUser }: ReportForm,
  { reportingUrl, range, random }: { reportingUrl: string; range: ReportRange; random: () => number },
): HttpCall {
  const orgs = trafficOrgs();
  const org = orgs[Math.floor(random() ** 3 * orgs.length)];
  if (org === undefined) throw new RangeError('no orgs');
  const parameters = new URLSearchParams({ start_date: range.startDate, end_date: range.endDate, ...query });
  if (ofUser) parameters.set('user_id', userName(org.orgId, Math.floor(random() ** 3 * org.users)));
  return {
    method: 'GET',
    url: `${reportingUrl}/v1/report?${parameters}`,
    headers: { authorization: `Bearer ${reportKeyOf(org.orgId)}` },
    body: Buffer.alloc(0),
  };
}
