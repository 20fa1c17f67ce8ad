import type { AnswerFacts, StreamReader } from '@meterstone/providers';
import type { AnswerMeter, Reading } from './answer-meter.ts';
import { FrameScanner, type FrameSink } from './frame-scan.ts';
import { UsageCut } from './usage-cut.ts';

export interface StreamMeterOptions {
  readonly reader: StreamReader;
  /** Take out the chunk that only the proxy asked for. */
  readonly cutsUsage: boolean;
  readonly frameBytesMax: number;
}

/** Meters an event stream while it passes, without keeping it. */
export class StreamMeter implements AnswerMeter, FrameSink {
  hasDelta = false;

  readonly #reader: StreamReader;
  readonly #scanner: FrameScanner;
  readonly #cut: UsageCut | null;
  #fault: unknown = null;

  constructor({ reader, cutsUsage, frameBytesMax }: StreamMeterOptions) {
    this.#reader = reader;
    this.#scanner = new FrameScanner({ sink: this, frameBytesMax });
    this.#cut = cutsUsage ? new UsageCut(frameBytesMax) : null;
  }

  get deltas(): number {
    return this.#reader.outputDeltas;
  }

  pass(chunk: Buffer): Buffer | readonly Buffer[] {
    if (this.#fault !== null) {
      return chunk;
    }
    try {
      if (this.#cut === null) {
        this.#scanner.push(chunk);
        return chunk;
      }
      this.#cut.begin(chunk);
      this.#scanner.push(chunk);
      return this.#cut.finish(this.#scanner.openFrom);
    } catch (error) {
      return this.#giveUp(error, chunk);
    }
  }

  rest(): readonly Buffer[] {
    if (this.#fault !== null) {
      return NOTHING;
    }
    try {
      this.#cut?.begin(EMPTY);
      this.#scanner.end();
      return this.#cut?.finish(null) ?? NOTHING;
    } catch (error) {
      const left = this.#giveUp(error, EMPTY);
      return Array.isArray(left) ? left : NOTHING;
    }
  }

  read(): Reading {
    const fault = this.#fault;
    const isTooLarge = this.#scanner.oversized > 0;
    return {
      facts: fault === null ? this.#finish() : null,
      deltas: this.#reader.outputDeltas,
      isTooLarge,
      fault,
    };
  }

  discard(): void {
    // Nothing is kept.
  }

  onFrame(data: Buffer | null, start: number, end: number): void {
    const kind = data === null ? 'other' : this.#reader.onData(data);
    this.#cut?.endFrame(start, end, kind === 'usage_only');
    this.hasDelta ||= kind === 'delta';
  }

  #finish(): AnswerFacts {
    return this.#reader.finish();
  }

  #giveUp(error: unknown, chunk: Buffer): Buffer | readonly Buffer[] {
    this.#fault = error;
    return this.#cut === null ? chunk : this.#cut.surrender();
  }
}

const EMPTY = Buffer.alloc(0);
const NOTHING: readonly Buffer[] = [];
