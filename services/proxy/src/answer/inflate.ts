import { promisify } from 'node:util';
import zlib from 'node:zlib';

/**
 * The plain bytes of a compressed answer, as far as they go: what is cut off in the middle is read up to there.
 * `null`: a `content-encoding` that is unknown here, or several on top of each other. Rejects when the bytes are
 * damaged or inflate to more than `bytesMax`.
 */
export async function inflate(bytes: Buffer, encoding: string, bytesMax: number): Promise<Buffer | null> {
  const inflateWith = INFLATERS.get(encoding.trim().toLowerCase());
  return inflateWith === undefined ? null : inflateWith(bytes, bytesMax);
}

type Inflate = (bytes: Buffer, maxOutputLength: number) => Promise<Buffer>;

const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const inflateZlib = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate);
const brotli = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);
const zstd = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress);

const asGzip: Inflate = (bytes, maxOutputLength) =>
  gunzip(bytes, { maxOutputLength, finishFlush: zlib.constants.Z_SYNC_FLUSH });

const INFLATERS: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ['gzip', asGzip],
  ['x-gzip', asGzip],
  [
    'deflate',
    (bytes, maxOutputLength) =>
      inflateZlib(bytes, { maxOutputLength, finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  ],
  [
    'br',
    (bytes, maxOutputLength) =>
      brotli(bytes, { maxOutputLength, finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  ],
  [
    'zstd',
    (bytes, maxOutputLength) => zstd(bytes, { maxOutputLength, finishFlush: zlib.constants.ZSTD_e_flush }),
  ],
]);
