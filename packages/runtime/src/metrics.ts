import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export type { Registry } from 'prom-client';

/** One value read when metrics are scraped; labels only where a reading gives several values. */
export interface ReadingValue {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric whose value somebody else already keeps, such as the plain counters of a producer. */
export interface Reading {
  /** With the unit as its suffix (`_total`, `_bytes`, `_seconds`), as Prometheus asks. */
  readonly name: string;
  readonly help: string;
  /** `counter` only rises during the life of the process. */
  readonly kind: 'counter' | 'gauge';
  readonly labels?: readonly string[];
  /** Called once per scrape; must not block. */
  readonly read: () => number | readonly ReadingValue[];
}

/** A registry of one service, with the process's own metrics (CPU, memory, event loop, GC) in it. */
export function createRegistry({ service }: { readonly service: string }): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Registers metrics that are read at each scrape and cost nothing between two. A name may be used once. */
export function registerReadings(registry: Registry, readings: readonly Reading[]): void {
  for (const reading of readings) {
    registerReading(registry, reading);
  }
}

function registerReading(registry: Registry, { name, help, kind, labels = [], read }: Reading): void {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'gauge') {
    new Gauge({
      ...options,
      // An age or a duration: of several processes the greatest is told. Everything else adds up.
      aggregator: name.endsWith('_seconds') ? 'max' : 'sum',
      collect() {
        this.reset();
        for (const { labels: own = {}, value } of toValues(read())) {
          this.set(own, value);
        }
      },
    });
    return;
  }
  new Counter({
    ...options,
    collect() {
      // A counter cannot be set: from zero, the value read is what it has risen to.
      this.reset();
      for (const { labels: own = {}, value } of toValues(read())) {
        this.inc(own, value);
      }
    },
  });
}

function toValues(reading: number | readonly ReadingValue[]): readonly ReadingValue[] {
  return typeof reading === 'number' ? [{ value: reading }] : reading;
}
