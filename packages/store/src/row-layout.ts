import type { Column } from './column.ts';

/** Bytes of a value that always has as many. */
export type FixedWidth = 1 | 4 | 8 | 16;

/** Texts that come together again and again, of which a row keeps one number for all. */
export type TextGroup = 'who' | 'what' | 'rating';

/** How a column's value stands in a row in the making. */
export type ColumnPlace =
  /** In the head, from byte `at` on, as RowBinary has it. */
  | { readonly kind: 'fixed'; readonly at: number; readonly width: FixedWidth }
  /** In the head: a byte at `at`, 1 = NULL, and behind it the value, which then means nothing. */
  | { readonly kind: 'nullable'; readonly at: number; readonly width: FixedWidth }
  /** In the head, at `at`: the number of the row's texts of this group, of which it is one. */
  | { readonly kind: 'shared'; readonly at: number; readonly group: TextGroup; readonly field: number }
  /** Behind the head, and behind the columns before it that stand there, as RowBinary has it. */
  | { readonly kind: 'tail' };

export type SharedPlace = Extract<ColumnPlace, { readonly kind: 'shared' }>;

/** Where everything stands in a row in the making. */
export interface RowLayout {
  readonly columns: readonly { readonly column: Column; readonly place: ColumnPlace }[];
  /** Bytes of the head: the same for every row. */
  readonly headBytes: number;
}

/** The columns that are the texts of each group, in the order of their fields. */
export type TextGroups = Readonly<Partial<Record<TextGroup, readonly string[]>>>;

/** Groups first, then all columns of fixed width, then the others; each in the order of `columns`. */
export function layoutOf(columns: readonly Column[], groups: TextGroups): RowLayout {
  const shared = new Map<string, SharedPlace>();
  let headBytes = 0;
  for (const group of GROUPS) {
    const names = groups[group] ?? [];
    for (const [field, name] of names.entries()) {
      shared.set(name, { kind: 'shared', at: headBytes, group, field });
    }
    headBytes += names.length > 0 ? NUMBER_BYTES : 0;
  }
  const placed = columns.map((column) => {
    const known = shared.get(column.name);
    if (known !== undefined) return { column, place: known };
    const nullable = /^Nullable\((.*)\)$/.exec(column.type)?.[1];
    const width = widthOf(nullable ?? column.type);
    if (width === null) {
      if (nullable !== undefined) throw new TypeError(`there is no column of type ${column.type}`);
      return { column, place: { kind: 'tail' as const } };
    }
    const at = headBytes;
    headBytes += (nullable === undefined ? 0 : 1) + width;
    return { column, place: { kind: nullable === undefined ? 'fixed' : 'nullable', at, width } as const };
  });
  return { columns: placed, headBytes };
}

const GROUPS: readonly TextGroup[] = ['who', 'what', 'rating'];
const NUMBER_BYTES = 4;

/** `null` = values of this type differ in length. */
function widthOf(type: string): FixedWidth | null {
  if (/^(Bool|Enum8\(.*\))$/.test(type)) return 1;
  if (/^U?Int32$/.test(type)) return 4;
  if (/^(U?Int64|DateTime64\(.*\))$/.test(type)) return 8;
  return /^(UUID|FixedString\(16\)|Decimal\(38, \d+\))$/.test(type) ? 16 : null;
}
