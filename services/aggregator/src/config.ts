import { join } from 'node:path';
import { loadSettings, type SettingsOf } from '@meterstone/control';

/** What the aggregator is configured with. */
export interface AggregatorConfig extends SettingsOf<'aggregator'> {
  /** Where the bundles are kept. */
  readonly bundlesFolder: string;
  /** Copies of each record on Kafka: as many as brokers are named, at most three. */
  readonly replicationFactor: number;
}

const REPLICATION_FACTOR_MAX = 3;

/** Reads settings and configuration files; throws with all problems at once. */
export async function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<AggregatorConfig> {
  const settings = await loadSettings('aggregator', env);
  return Object.freeze({
    ...settings,
    bundlesFolder: join(settings.folder, 'data', 'bundles'),
    replicationFactor: Math.min(settings.kafkaBrokers.length, REPLICATION_FACTOR_MAX),
  });
}
