import avro, { type Schema } from 'avsc';
import { AMOUNT_PRECISION, AMOUNT_SCALE, fromDecimalBytes, toDecimalBytes } from './decimal.ts';

/** decimal(38, 12) as bigint picodollars. Any other precision or scale is no schema of ours: a RangeError. */
export class DecimalType extends avro.types.LogicalType {
  constructor(schema: Schema, options?: unknown) {
    super(schema, options);
    // avsc's typings know no attributes of a logical type over a primitive.
    const { precision, scale } = schema as { precision?: number; scale?: number };
    if (precision !== AMOUNT_PRECISION || scale !== AMOUNT_SCALE) {
      throw new RangeError(`only decimal(${AMOUNT_PRECISION}, ${AMOUNT_SCALE}) is an amount`);
    }
  }

  protected override _fromValue(bytes: Buffer): bigint {
    return fromDecimalBytes(bytes);
  }

  protected override _toValue(pico: unknown): Buffer | undefined {
    return typeof pico === 'bigint' ? toDecimalBytes(pico) : undefined;
  }

  protected override _resolve(writer: avro.Type): ((value: never) => unknown) | undefined {
    return writer instanceof DecimalType ? (value) => value : undefined;
  }
}

/** A 16-byte id: written from any Uint8Array, read as a Buffer. */
export class IdType extends avro.types.LogicalType {
  protected override _fromValue(bytes: Buffer): Buffer {
    return bytes;
  }

  protected override _toValue(id: unknown): Buffer | undefined {
    if (Buffer.isBuffer(id)) {
      return id;
    }
    return id instanceof Uint8Array ? Buffer.from(id.buffer, id.byteOffset, id.length) : undefined;
  }

  protected override _resolve(writer: avro.Type): ((value: never) => unknown) | undefined {
    return writer instanceof IdType ? (value) => value : undefined;
  }
}
