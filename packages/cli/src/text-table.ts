export type Cell = string | number;

/** A plain table: text to the left, numbers to the right, a rule under the head. */
export function textTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length)),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  const alignedHead = head.map((title, column) =>
    rows.some((row) => typeof row[column] === 'number') ? title.padStart(widths[column] ?? 0) : title,
  );
  return [line(alignedHead), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join(
    '\n',
  );
}
