import { dlopen, getRawPointer } from 'node:ffi';

/**
 * Becomes a ClickHouse server: `clickhouse-child.ts <libchdb.so> <argument>…` calls the engine's own main,
 * which returns when its standard input is closed or the process is asked to end.
 */
const [, , library = '', ...given] = process.argv;

// Kept in a variable until the call returns: the engine reads these bytes where they lie.
const texts = ['clickhouse', ...given].map((text) => Buffer.from(`${text}\0`));
const pointers = Buffer.alloc(8 * (texts.length + 1));
texts.forEach((text, index) => {
  pointers.writeBigUInt64LE(getRawPointer(text), index * 8);
});

const { functions } = dlopen(library, {
  query_stable_v2: { return: 'pointer', arguments: ['i32', 'pointer'] },
});
functions.query_stable_v2(texts.length, getRawPointer(pointers));
