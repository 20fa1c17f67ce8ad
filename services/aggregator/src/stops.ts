import { KafkaError } from '@meterstone/kafka';

/**
 * Ends the work on a Kafka partition until the next assignment: going on by itself would lose, double or guess. The
 * cause is a clause that names what was found; a person decides with `meterstone recover`.
 */
export function stopped(cause: string, reason?: unknown): KafkaError {
  return new KafkaError(`${cause}; see \`meterstone recover\``, {
    code: 'partition_stopped',
    retryable: false,
    cause: reason,
  });
}
