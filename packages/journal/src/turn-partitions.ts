/**
 * Gives events that no open batch has taken their Kafka partition: the same one for as many as make a good batch, then
 * the next in turn.
 */
export class TurnPartitions {
  readonly #kafkaPartitions: number;
  #kafkaPartition = 0;
  #bytes = 0;

  constructor(kafkaPartitions: number) {
    this.#kafkaPartitions = kafkaPartitions;
  }

  next(eventBytes: number): number {
    if (this.#bytes > 0 && this.#bytes + eventBytes > TURN_BYTES) {
      this.#kafkaPartition = (this.#kafkaPartition + 1) % this.#kafkaPartitions;
      this.#bytes = 0;
    }
    this.#bytes += eventBytes;
    return this.#kafkaPartition;
  }
}

/** Half of what a batch may have, so that the keys fit as well. */
const TURN_BYTES = 262_144;
