export { type DoorsOptions, type Readiness, registerDoors } from './doors.ts';
export { SettingsError } from './errors.ts';
export { createLogger, LOG_LEVELS, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export {
  countsOf,
  type MetricsSnapshot,
  mergeSnapshots,
  metricsText,
  readSnapshot,
} from './merge-metrics.ts';
export {
  createRegistry,
  type Reading,
  type ReadingValue,
  type Registry,
  registerReadings,
} from './metrics.ts';
export { type BackOff, backOffMs, type RetryOptions, retry } from './retry.ts';
export type { SettingDefinition } from './setting-definition.ts';
export { readSettings, type SettingSources, type SettingValues } from './settings.ts';
export { installShutdown, type ShutdownOptions, type ShutdownStep } from './shutdown.ts';
