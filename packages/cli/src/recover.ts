import { type Decision, decide, findStops, readStopFacts } from '@meterstone/recovery';
import type { Command } from 'commander';
import { type Connections, withConnections } from './recover-connections.ts';
import { createOutput } from './recover-output.ts';

interface RecoverOptions {
  readonly fromLedger: boolean;
  readonly skipLost: boolean;
  readonly newStream: boolean;
  readonly json: boolean;
}

/** Adds the verb `recover`. Without a decision it lists what stands still and why. */
export function registerRecover(program: Command, env: NodeJS.ProcessEnv): void {
  program
    .command('recover')
    .description(
      'Kafka partitions that stand still, and the decisions that let them go on (no aggregator may run)',
    )
    .option('--from-ledger', "Kafka's position is ahead of the ledger: go on from the ledger's", false)
    .option('--skip-lost', 'Kafka has dropped records before they were stored: give them up', false)
    .option('--new-stream', 'the topic was deleted and made again: begin anew with it', false)
    .option('--json', 'one JSON object a line instead of text', false)
    .action((options: RecoverOptions, command: Command) => {
      const decisions = decisionsOf(options);
      if (decisions.length > 1) command.error('error: one decision at a time');
      const [decision = null] = decisions;
      return withConnections(env, (connections) => recover(connections, decision, options.json));
    });
}

function decisionsOf({ fromLedger, skipLost, newStream }: RecoverOptions): Decision[] {
  return [
    ...(fromLedger ? (['from-ledger'] as const) : []),
    ...(skipLost ? (['skip-lost'] as const) : []),
    ...(newStream ? (['new-stream'] as const) : []),
  ];
}

async function recover(
  { store, group }: Connections,
  decision: Decision | null,
  json: boolean,
): Promise<void> {
  const output = createOutput(json);
  output.progress('reading ledger, group and log');
  if (decision !== null) {
    for (const { kafkaPartition, position, lostOffsets } of await decide(decision, { ...group, store })) {
      output.say(
        'recovered',
        { kafka_partition: kafkaPartition, position, lost_offsets: lostOffsets },
        `Kafka partition ${kafkaPartition} goes on at ${position}${lostOffsets === 0 ? '' : `; ${lostOffsets} offsets are given up`}`,
      );
    }
    return;
  }
  const stops = findStops(await readStopFacts({ ...group, store }));
  for (const stop of stops) {
    const way = stop.decision === null ? 'no decision ends it' : `meterstone recover --${stop.decision}`;
    output.say(
      'stop',
      {
        kafka_partition: stop.kafkaPartition,
        cause: stop.cause,
        detail: stop.detail,
        decision: stop.decision,
      },
      `Kafka partition ${stop.kafkaPartition} ${stop.cause}: ${stop.detail}; ${way}`,
    );
  }
  output.say('summary', { stops: stops.length }, `${stops.length} Kafka partitions stand still`);
}
