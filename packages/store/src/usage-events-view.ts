import { RAW_TABLE } from './raw-events.ts';
import { USERS_TABLE } from './users-table.ts';

/** Name of the analysts' view. */
const USAGE_EVENTS_VIEW = 'usage_events';

/**
 * Crockford's base 32, most significant digit first: the id that answers carry in `meterstone-generation-id`. Shifted by
 * a signed number, an unsigned value is a signed one to ClickHouse 26.7, unless it has compiled the expression: ids
 * with the first bit set came out wrong.
 */
const GENERATION_ID = `concat('gen_', arrayStringConcat(arrayMap(
    digit -> substring('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
      toUInt8(bitAnd(bitShiftRight(reinterpretAsUInt128(reverse(UUIDStringToNum(toString(r.event_id)))),
        toUInt8(5 * (25 - digit))), 31)) + 1, 1),
    range(26))))`;

/**
 * `CREATE VIEW` of what analysts query: every column of raw, with the user's name beside the key, the operation's
 * id where raw leaves it out, and the event's id as the proxy tells it to callers. The name is joined, not looked up in a dictionary: a new name is there at
 * once, an erased one is gone at once, and no password has to stand in a dictionary's definition.
 */
export function createUsageEventsViewStatement(): string {
  return [
    `CREATE VIEW IF NOT EXISTS {database}.${USAGE_EVENTS_VIEW} AS`,
    'SELECT',
    '  r.* EXCEPT (operation_id, user_key),',
    "  if(r.operation_id = '', toString(r.event_id), r.operation_id) AS operation_id,",
    '  lower(hex(r.user_key)) AS user_key,',
    '  u.user AS user,',
    `  ${GENERATION_ID} AS generation_id`,
    `FROM {database}.${RAW_TABLE.name} AS r`,
    `LEFT ANY JOIN {database}.${USERS_TABLE.name} AS u ON r.org_id = u.org_id AND r.user_key = u.user_key`,
  ].join('\n');
}
