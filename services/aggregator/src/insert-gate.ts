/**
 * Lets inserts run side by side, and a verification run alone: what is being inserted would look like a difference
 * between raw and its rollups. In this process only; what others insert, a verification waits out.
 */
export class InsertGate {
  #inserts = 0;
  #isAlone = false;
  readonly #waiting: (() => void)[] = [];

  /** Runs beside other inserts. */
  async insert<T>(operation: () => Promise<T>): Promise<T> {
    while (this.#isAlone) {
      await this.#change();
    }
    this.#inserts += 1;
    try {
      return await operation();
    } finally {
      this.#inserts -= 1;
      this.#wake();
    }
  }

  /** Waits for the inserts that run, and holds up new ones meanwhile. */
  async verify<T>(operation: () => Promise<T>): Promise<T> {
    while (this.#isAlone) {
      await this.#change();
    }
    this.#isAlone = true;
    try {
      while (this.#inserts > 0) {
        await this.#change();
      }
      return await operation();
    } finally {
      this.#isAlone = false;
      this.#wake();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }
}
