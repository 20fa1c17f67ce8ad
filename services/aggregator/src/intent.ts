import { NOTE_BYTES_MAX } from '@meterstone/kafka';

/**
 * "This range is about to be stored", noted beside the committed position before anything of it is written, so that
 * whoever comes next stores the very same block.
 */
export interface Intent {
  readonly stream: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly token: string;
  /** Of the terms under which the block was rated. */
  readonly epoch: string;
  readonly rowLayout: number;
  /** Rows of the block. */
  readonly rows: number;
  /** Of the block's bytes. */
  readonly checksum: string;
}

const FORMAT = 1;

/** Writes an intent as a note: JSON of less than 300 bytes. */
export function formatIntent(intent: Intent): string {
  const { stream, firstOffset, nextOffset, token, epoch, rowLayout, rows, checksum } = intent;
  return JSON.stringify({
    format: FORMAT,
    stream,
    first: firstOffset,
    next: nextOffset,
    token,
    epoch,
    layout: rowLayout,
    rows,
    checksum,
  });
}

/** Reads a note; `null` = it is not an intent that this program can read. */
export function parseIntent(note: string): Intent | null {
  const facts = note.length > NOTE_BYTES_MAX ? null : parseObject(note);
  if (facts?.['format'] !== FORMAT) {
    return null;
  }
  const { stream, first, next, token, epoch, layout, rows, checksum } = facts;
  const counts = [stream, first, next, layout, rows];
  const texts = [token, epoch, checksum];
  if (!counts.every(Number.isSafeInteger) || !texts.every((text) => typeof text === 'string')) {
    return null;
  }
  return {
    stream: Number(stream),
    firstOffset: Number(first),
    nextOffset: Number(next),
    token: String(token),
    epoch: String(epoch),
    rowLayout: Number(layout),
    rows: Number(rows),
    checksum: String(checksum),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
