import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Far above the largest batch that a broker takes by default (1 MB) at any ratio seen; a bound on memory. */
const DECOMPRESSED_BYTES_MAX = 256 * 1_048_576;

/** kafkajs has gzip alone; Node brings zstd. */
export function createZstdCodec(): {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
} {
  return {
    compress: async ({ buffer }) => zstdCompressSync(buffer),
    decompress: async (buffer) => zstdDecompressSync(buffer, { maxOutputLength: DECOMPRESSED_BYTES_MAX }),
  };
}
