import {
  auditLedger,
  auditRollups,
  type PartitionAudit,
  type RollupFault,
  repairRollups,
} from '@meterstone/recovery';
import type { Command } from 'commander';
import { parseInstant } from './dead-letters-filter.ts';
import { type Connections, withConnections } from './recover-connections.ts';
import { createOutput, type Output } from './recover-output.ts';

interface AuditOptions {
  readonly from?: number;
  readonly to?: number;
  readonly repair: boolean;
  readonly json: boolean;
}

/** Adds the verb `audit`. It fails where something is wrong that it was not asked to repair, or could not. */
export function registerAudit(program: Command, env: NodeJS.ProcessEnv): void {
  program
    .command('audit')
    .description('hold the ledger against Kafka and raw, and every rollup against raw')
    .option('--from <day>', 'only rollups of days from this one on, UTC', parseInstant)
    .option('--to <day>', 'only rollups of days before this one, UTC', parseInstant)
    .option('--repair', 'at rest (no aggregator runs): add to the rollups what they lack', false)
    .option('--json', 'one JSON object a line instead of text', false)
    .action((options: AuditOptions) => withConnections(env, (connections) => audit(connections, options)));
}

async function audit(connections: Connections, options: AuditOptions): Promise<void> {
  const output = createOutput(options.json);
  const progress = { onProgress: output.progress };
  const { store, group } = connections;
  const days = { isWanted: (day: number) => isBetween(day, options) };
  const partitions = await auditLedger({ ...group, store, ...progress });
  tellPartitions(output, partitions);
  let drifts = await auditRollups({ store, ...days, ...progress });
  tellDrifts(output, drifts);
  if (options.repair && drifts.length > 0) {
    for (const { rollup, day, cells } of await repairRollups({
      ...group,
      store,
      faults: drifts,
      ...progress,
    })) {
      output.say('repair', { rollup, day, cells }, `repaired ${rollup} on ${day}: ${cells} cells`);
    }
    drifts = await auditRollups({ store, ...days, ...progress });
    tellDrifts(output, drifts);
  }
  const faults = partitions.reduce((count, each) => count + each.faults.length, 0);
  output.say(
    'summary',
    { kafka_partitions: partitions.length, ledger_faults: faults, rollup_drifts: drifts.length },
    `${partitions.length} Kafka partitions with ${faults} faults in the ledger; ${drifts.length} sums of rollups differ`,
  );
  if (faults + drifts.length > 0) throw new Error('the audit found faults');
}

function isBetween(day: number, { from, to }: AuditOptions): boolean {
  return (from === undefined || day >= from) && (to === undefined || day < to);
}

function tellPartitions(output: Output, partitions: readonly PartitionAudit[]): void {
  for (const each of partitions) {
    const name = `stream ${each.stream}, Kafka partition ${each.kafkaPartition}`;
    output.say(
      'kafka_partition',
      {
        stream: each.stream,
        kafka_partition: each.kafkaPartition,
        position: each.position,
        stored_by_ledger: each.storedByLedger,
        stored_in_raw: each.storedInRaw,
        beyond_ledger: each.beyondLedger,
        faults: each.faults,
      },
      [
        `${name}: ${each.position} offsets, ${each.storedInRaw} rows`,
        ...each.faults.map(({ kind, detail }) => `  ${kind}: ${detail}`),
      ].join('\n'),
    );
  }
}

function tellDrifts(output: Output, drifts: readonly RollupFault[]): void {
  for (const { rollup, day, orgId, column, missing } of drifts) {
    output.say(
      'rollup_drift',
      { rollup, day, org_id: orgId, column, missing },
      `${rollup} on ${day}, org ${orgId}: ${column} lacks ${missing}`,
    );
  }
}
