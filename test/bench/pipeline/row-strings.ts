/** Cuts a column of strings in RowBinary (each behind its length as LEB128) that comes in pieces of any length. */
export async function* cutStrings(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let position = 0;
    for (;;) {
      const found = findString(bytes, position);
      if (found === null) break;
      yield bytes.subarray(found.start, found.end);
      position = found.end;
    }
    rest = bytes.subarray(position);
  }
  if (rest.length > 0) throw new Error(`${rest.length} bytes of a string were left over`);
}

/** `null` = it is not whole yet. */
function findString(bytes: Buffer, position: number): { start: number; end: number } | null {
  let length = 0;
  for (let index = position, factor = 1; index < bytes.length; index += 1, factor *= 128) {
    const byte = bytes[index] ?? 0;
    length += (byte % 128) * factor;
    if (byte < 128) {
      const end = index + 1 + length;
      return end > bytes.length ? null : { start: index + 1, end };
    }
  }
  return null;
}
