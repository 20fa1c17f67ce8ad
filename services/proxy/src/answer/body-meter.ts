import type { AnswerFacts, UsageReader } from '@meterstone/providers';
import type { AnswerMeter, Reading } from './answer-meter.ts';
import type { ByteBudget } from './byte-budget.ts';
import { FrameScanner } from './frame-scan.ts';
import { inflate } from './inflate.ts';

export interface BodyMeterOptions {
  readonly reader: UsageReader;
  /** Of the answer; `null`: not compressed. */
  readonly contentEncoding: string | null;
  /** The answer is an event stream, compressed. */
  readonly isStream: boolean;
  /** Kept of one answer, and inflated from it. */
  readonly bytesMax: number;
  /** Shared by all answers. */
  readonly budget: ByteBudget;
}

/**
 * Meters an answer from a copy that is read once it has ended. An answer over the limit, or one for which the
 * shared budget is used up, passes unmetered.
 */
export class BodyMeter implements AnswerMeter {
  readonly hasDelta = false;
  readonly deltas = null;

  readonly #options: BodyMeterOptions;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #isTooLarge = false;

  constructor(options: BodyMeterOptions) {
    this.#options = options;
  }

  pass(chunk: Buffer): Buffer {
    if (!this.#isTooLarge) {
      this.#keep(chunk);
    }
    return chunk;
  }

  rest(): readonly Buffer[] {
    return NOTHING;
  }

  read(): Reading | Promise<Reading> {
    const { reader, contentEncoding } = this.#options;
    if (this.#isTooLarge) {
      return { facts: null, deltas: null, isTooLarge: true, fault: null };
    }
    const [first] = this.#kept;
    const body = this.#kept.length === 1 && first !== undefined ? first : Buffer.concat(this.#kept);
    this.discard();
    if (contentEncoding !== null) {
      return this.#readCompressed(body, contentEncoding);
    }
    try {
      return { facts: reader.readBody(body), deltas: null, isTooLarge: false, fault: null };
    } catch (fault) {
      return { facts: null, deltas: null, isTooLarge: false, fault };
    }
  }

  discard(): void {
    this.#options.budget.release(this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #keep(chunk: Buffer): void {
    const { bytesMax, budget } = this.#options;
    if (this.#keptBytes + chunk.length > bytesMax || !budget.reserve(chunk.length)) {
      this.#isTooLarge = true;
      this.discard();
      return;
    }
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
  }

  async #readCompressed(bytes: Buffer, encoding: string): Promise<Reading> {
    const { reader, isStream, bytesMax } = this.#options;
    try {
      const plain = await inflate(bytes, encoding, bytesMax);
      if (plain === null) {
        return { facts: null, deltas: null, isTooLarge: false, fault: null };
      }
      return isStream
        ? readWholeStream(reader, plain)
        : { facts: reader.readBody(plain), deltas: null, isTooLarge: false, fault: null };
    } catch (fault) {
      return { facts: null, deltas: null, isTooLarge: false, fault };
    }
  }
}

const NOTHING: readonly Buffer[] = [];

function readWholeStream(reader: UsageReader, plain: Buffer): Reading {
  const stream = reader.createStream();
  const sink = {
    onFrame(data: Buffer | null): void {
      if (data !== null) {
        stream.onData(data);
      }
    },
  };
  const scanner = new FrameScanner({ sink, frameBytesMax: plain.length });
  scanner.push(plain);
  scanner.end();
  const facts: AnswerFacts = stream.finish();
  return { facts, deltas: stream.outputDeltas, isTooLarge: false, fault: null };
}
