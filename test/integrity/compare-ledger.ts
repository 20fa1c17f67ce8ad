import { readLogBounds } from '@meterstone/kafka';
import { auditLedger } from '@meterstone/recovery';
import { type Finding, finding } from './compare.ts';
import type { PipelineUnderTest } from './system.ts';

/** Holds the ledger against Kafka and raw, at rest: its ranges tile every log from 0 to its end, and count raw's rows. */
export async function compareLedger(pipeline: PipelineUnderTest): Promise<Finding[]> {
  const { kafka, store, groupId, topics } = pipeline;
  const topic = topics.usageEvents;
  const audits = await auditLedger({ kafka, store, groupId, topic });
  const positions = new Map(audits.map(({ kafkaPartition, position }) => [kafkaPartition, position]));
  const behind = [...(await readLogBounds(kafka, topic))]
    .filter(([kafkaPartition, { end }]) => (positions.get(kafkaPartition) ?? 0) !== end)
    .map(([kafkaPartition, { end }]) =>
      finding('ledger_fault', `position of ${kafkaPartition}`, `${end}`, `${positions.get(kafkaPartition)}`),
    );
  const faults = audits.flatMap(({ kafkaPartition, beyondLedger, faults: found }) => [
    ...found.map(({ kind, detail }) =>
      finding('ledger_fault', `Kafka partition ${kafkaPartition}`, 'ranges that tile', `${kind}: ${detail}`),
    ),
    ...(beyondLedger === 0
      ? []
      : [finding('ledger_fault', `Kafka partition ${kafkaPartition}`, 'no row beyond', `${beyondLedger}`)]),
  ]);
  return [...behind, ...faults];
}
