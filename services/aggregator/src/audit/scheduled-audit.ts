import { setTimeout as sleepFor } from 'node:timers/promises';
import type { KafkaClient } from '@meterstone/kafka';
import { createAuditMemory, readOwners } from '@meterstone/recovery';
import { type Logger, type Registry, registerReadings } from '@meterstone/runtime';
import type { StoreClient } from '@meterstone/store';
import { auditReadings, createAuditRecord } from './audit-record.ts';
import { runAudit } from './run-audit.ts';

export interface ScheduledAuditOptions {
  /** 0 = never. */
  readonly periodMs: number;
  /** The name under which this process stands in the group; no other member has it. */
  readonly clientId: string;
  readonly kafka: KafkaClient;
  readonly groupId: string;
  readonly topic: string;
  /** For the audit alone, so that it holds up no insert. */
  readonly store: StoreClient;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface ScheduledAudit {
  /** No audit is begun any more, and none is waited for: one that is under way ends with its connections. */
  stop(): void;
}

/**
 * Audits from time to time, beside the aggregator's work. Of all members of the group the one that has Kafka partition 0
 * does it, as Kafka says when the time has come: one of them, and another one when that one is gone. (An audit that is
 * under way when the Kafka partition changes hands comes to its end.) What is found is told in the log and as metrics,
 * and changed by nobody: repair is for a person, at rest.
 */
export function scheduleAudit(options: ScheduledAuditOptions): ScheduledAudit {
  const { periodMs, registry, logger, now } = options;
  const stopping = new AbortController();
  const record = createAuditRecord();
  const memory = createAuditMemory();
  const onProgress = (line: string) => logger.debug({ progress: line }, 'audit goes on');
  registerReadings(registry, auditReadings(record));

  const auditOnce = async () => {
    if (!(await isChosen(options))) return;
    const startedAt = now();
    const findings = await runAudit({ ...options, memory, onProgress, now: startedAt });
    Object.assign(record, { findings, lastAt: now(), lastMs: now() - startedAt });
    record.completed += 1;
    const facts = {
      ledgerFaults: Object.fromEntries(findings.ledgerFaults),
      differences: Object.fromEntries(findings.differences),
      durationMs: record.lastMs,
    };
    if (findings.details.length === 0) logger.info(facts, 'audit found nothing wrong');
    else logger.error({ ...facts, details: findings.details }, 'audit found differences');
  };
  const auditForEver = async () => {
    for (let waitMs = Math.min(periodMs, FIRST_MS); ; waitMs = periodMs) {
      await sleepFor(waitMs, undefined, { signal: stopping.signal, ref: false });
      await auditOnce().catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        record.failed += 1;
        logger.warn({ err: error }, 'audit could not be made, the next one comes in its time');
      });
    }
  };
  // Ends with the signal alone.
  if (periodMs > 0) auditForEver().catch(() => undefined);
  return { stop: () => stopping.abort(new Error('the aggregator stops')) };
}

/** A process that is restarted often must come to its audit all the same. */
const FIRST_MS = 60_000;

async function isChosen({ clientId, ...group }: ScheduledAuditOptions): Promise<boolean> {
  return (await readOwners(group)).get(0) === clientId;
}
