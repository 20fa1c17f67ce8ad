-- What analysts query: raw with the user's name, the operation's id also where it is the event's own, and the event's
-- id in the form that callers were given.
-- A join and not a dictionary: a dictionary would need a user and password in its definition, and would show a new
-- name late and an erased one for a while. A view holds no data, so it can be replaced by any later migration.
CREATE VIEW IF NOT EXISTS {database}.usage_events AS
SELECT
  r.* EXCEPT (operation_id, user_key),
  if(r.operation_id = '', toString(r.event_id), r.operation_id) AS operation_id,
  lower(hex(r.user_key)) AS user_key,
  u.user AS user,
  concat('gen_', arrayStringConcat(arrayMap(
    digit -> substring('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
      toUInt8(bitAnd(bitShiftRight(reinterpretAsUInt128(reverse(UUIDStringToNum(toString(r.event_id)))),
        toUInt8(5 * (25 - digit))), 31)) + 1, 1),
    range(26)))) AS generation_id
FROM {database}.raw_events AS r
LEFT ANY JOIN {database}.users AS u ON r.org_id = u.org_id AND r.user_key = u.user_key;
