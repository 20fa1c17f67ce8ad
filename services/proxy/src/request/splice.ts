import type { JsonMember, ObjectScan } from './json-scan.ts';
import { skipSpace } from './json-walk.ts';

/** Replaces the bytes `[start, end)` of a body. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  /** Empty cuts; with `start` = `end` it inserts. */
  readonly insert: string;
}

/**
 * The body with every splice done, and every other byte as it was. Splices may come in any order but may not
 * overlap; at one place an insertion comes before a cut. The body itself when there are none.
 */
export function applySplices(body: Buffer, splices: readonly Splice[]): Buffer {
  if (splices.length === 0) {
    return body;
  }
  const sorted = splices.toSorted((a, b) => a.start - b.start || a.end - b.end);
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end, insert } of sorted) {
    parts.push(body.subarray(from, start));
    if (insert !== '') {
      parts.push(Buffer.from(insert));
    }
    from = end;
  }
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}

/**
 * The splices that take members out of an object together with the commas that belonged to them. `members` are
 * those to go, in the order they stand in the object.
 */
export function cutMembers(bytes: Buffer, scan: ObjectScan, members: readonly JsonMember[]): Splice[] {
  const [first] = members;
  const last = members.at(-1);
  if (first === undefined || last === undefined) {
    return [];
  }
  if (members.length === scan.memberCount) {
    return [{ start: first.keyStart, end: last.valueEnd, insert: '' }];
  }
  // A run from the first member on has no comma before it, so it takes the one behind it.
  const leading = members.findIndex(({ ordinal }, index) => ordinal !== index);
  const run = leading < 0 ? members.length : leading;
  const cuts = members.slice(run).map(({ comma, valueEnd }) => ({ start: comma, end: valueEnd, insert: '' }));
  const runLast = members[run - 1];
  if (runLast !== undefined) {
    cuts.unshift({ start: first.keyStart, end: skipSpace(bytes, runLast.valueEnd) + 1, insert: '' });
  }
  return cuts;
}
