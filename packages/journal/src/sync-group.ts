import { fdatasync } from 'node:fs';

export interface SyncGroupOptions {
  /** How long the first who waits, waits for others. */
  readonly waitMs: number;
  readonly descriptor: () => number;
  readonly onError: (error: unknown) => void;
}

/** Lets many who wait for the disk share one `fdatasync`. */
export class SyncGroup {
  readonly #options: SyncGroupOptions;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isRunning = false;

  constructor(options: SyncGroupOptions) {
    this.#options = options;
  }

  /** Calls back when all that was written before is on the disk, or could not be flushed, which `onError` is told. */
  wait(callbacks: readonly (() => void)[]): void {
    this.#waiting.push(...callbacks);
    if (this.#timer === null && !this.#isRunning) {
      this.#timer = setTimeout(this.#run, this.#options.waitMs);
    }
  }

  /** Those who wait are let go without it. */
  close(): void {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    this.#release(this.#waiting.splice(0));
  }

  readonly #run = (): void => {
    this.#timer = null;
    this.#isRunning = true;
    const waiting = this.#waiting.splice(0);
    fdatasync(this.#options.descriptor(), (error) => {
      this.#isRunning = false;
      // A segment that ended meanwhile was flushed before it was closed.
      if (error !== null && error.code !== 'EBADF') {
        this.#options.onError(error);
      }
      this.#release(waiting);
      if (this.#waiting.length > 0) {
        this.wait([]);
      }
    });
  };

  #release(waiting: readonly (() => void)[]): void {
    for (const callback of waiting) {
      callback();
    }
  }
}
