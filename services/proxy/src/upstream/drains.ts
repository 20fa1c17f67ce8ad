/** Answers that are read on although their client has gone, so that their usage is known. */
export interface Drains {
  /** Takes a place; `false`: all are taken. */
  begin(): boolean;
  /** Gives the place back. */
  end(): void;
  readonly active: number;
}

export function createDrains(drainsMax: number): Drains {
  let active = 0;
  return {
    begin() {
      if (active >= drainsMax) {
        return false;
      }
      active++;
      return true;
    },
    end() {
      active--;
    },
    get active() {
      return active;
    },
  };
}
