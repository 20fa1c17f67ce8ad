import { RecoveryError } from './errors.ts';
import { type GroupOptions, type GroupState, readGroupState } from './group-state.ts';

/** Resolves where nobody stores and nobody has begun to. RecoveryError `group_active` or `intent_pending`. */
export async function requireRest(options: GroupOptions): Promise<void> {
  const state = await readGroupState(options);
  requireNoMembers(state);
  // A position with a note beside it is an intent: its range may be stored in part.
  const pending = [...state.positions].filter(([, { metadata }]) => metadata !== null);
  if (pending.length > 0) {
    const kafkaPartitions = pending.map(([kafkaPartition]) => kafkaPartition).join(', ');
    throw new RecoveryError(
      'intent_pending',
      `a range of Kafka partitions ${kafkaPartitions} may be half stored: let an aggregator carry it out first`,
      { retryable: true },
    );
  }
}

/** RecoveryError `group_active` where somebody reads. */
export function requireNoMembers({ members }: Pick<GroupState, 'members'>): void {
  if (members === 0) return;
  throw new RecoveryError(
    'group_active',
    `${members} aggregators are in the group: stop them first (a killed one leaves it when its session ends)`,
    { retryable: true },
  );
}
