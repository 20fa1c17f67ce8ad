import { zstdCompressSync } from 'node:zlib';
import { INFLATED_BYTES_MAX, inflateZstd } from './record-codec.ts';

/** kafkajs has gzip alone; Node brings zstd. */
export function createZstdCodec(): {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
} {
  return {
    compress: async ({ buffer }) => zstdCompressSync(buffer),
    decompress: async (buffer) => inflateZstd(buffer, INFLATED_BYTES_MAX),
  };
}
