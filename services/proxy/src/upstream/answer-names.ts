/** A header's name as it came, and in lower case. */
interface HeaderName {
  readonly text: string;
  readonly lower: string;
}

/** Reads the names out of raw headers (names and values in turn), in their order. */
export type ReadNames = (raw: readonly Buffer[]) => readonly HeaderName[];

/**
 * Remembers the last few lists of names: a provider sends the same ones in the same order with every answer, and to
 * compare their bytes takes a fraction of the time that making texts of them takes.
 */
export function createNameReader(): ReadNames {
  const lists: NameList[] = [];
  return (raw) => {
    for (const [place, list] of lists.entries()) {
      if (isListOf(list, raw)) {
        // What is asked for often stands in front.
        lists[place] = lists[0] ?? list;
        lists[0] = list;
        return list.names;
      }
    }
    const names = readNames(raw);
    if (names.length <= NAMES_REMEMBERED_MAX) {
      lists.splice(LISTS_MAX - 1);
      lists.unshift({ names, bytes: names.map(({ text }) => Buffer.from(text, 'latin1')) });
    }
    return names;
  };
}

interface NameList {
  readonly names: readonly HeaderName[];
  readonly bytes: readonly Buffer[];
}

const LISTS_MAX = 8;
/** Longer lists are read anew each time: what is remembered stays small whatever providers send. */
const NAMES_REMEMBERED_MAX = 64;

function readNames(raw: readonly Buffer[]): HeaderName[] {
  const names: HeaderName[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const text = raw[index]?.toString('latin1') ?? '';
    names.push({ text, lower: text.toLowerCase() });
  }
  return names;
}

function isListOf({ bytes }: NameList, raw: readonly Buffer[]): boolean {
  if (raw.length !== bytes.length * 2) {
    return false;
  }
  for (let index = 0; index < bytes.length; index++) {
    if (!isEqual(bytes[index], raw[index * 2])) {
      return false;
    }
  }
  return true;
}

/** In a loop, as names are shorter than what a native call costs. */
function isEqual(known: Buffer | undefined, name: Buffer | undefined): boolean {
  if (known === undefined || name === undefined || known.length !== name.length) {
    return false;
  }
  for (let index = 0; index < known.length; index++) {
    if (known[index] !== name[index]) {
      return false;
    }
  }
  return true;
}
