/**
 * What audits of the same process have found in order, so that the next one need not look again. Nothing in it is an
 * estimate: parts are never changed once they are written, so a month whose parts are the same holds the same rows.
 */
export interface AuditMemory {
  /** Raw's rows of a month, by the month. */
  readonly counted: Map<string, CountedMonth>;
  /** How far the ledger is known to tile a Kafka partition of a stream, by its `placeKey`. */
  readonly tiled: Map<string, TiledSoFar>;
  /** Parts of raw and of all rollups when every day of a month was as raw says, by the month. */
  readonly compared: Map<string, string>;
}

/** Rows of raw in one month. */
export interface CountedMonth {
  /** As they were before the rows were counted. */
  readonly parts: string;
  /** By `placeKey`. */
  readonly places: ReadonlyMap<string, { readonly rows: number; readonly lastOffset: number }>;
}

export interface TiledSoFar {
  /** First offset behind the last range; `null` = none has come. */
  readonly position: number | null;
  /** Rows that the ranges say they stored. */
  readonly stored: number;
}

/** Of nothing: an audit with it looks at everything. It holds an entry a month and a Kafka partition, and no more. */
export function createAuditMemory(): AuditMemory {
  return { counted: new Map(), tiled: new Map(), compared: new Map() };
}

/** Name of a Kafka partition of a stream. */
export function placeKey(stream: number, kafkaPartition: number): string {
  return `${stream}/${kafkaPartition}`;
}
