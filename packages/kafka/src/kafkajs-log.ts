import type { Logger } from '@meterstone/runtime';
import kafkajs, { type LogEntry, type logLevel } from 'kafkajs';

export interface KafkajsLog {
  /** kafkajs makes no line below this level. */
  readonly level: logLevel;
  readonly write: (entry: LogEntry) => void;
}

/**
 * Routes kafkajs's lines into ours, one level lower: it calls each failed attempt an error, while this package
 * retries and says itself what is wrong. A line repeated within 10 s is counted instead of written, since an
 * outage repeats the same few at every attempt.
 */
export function createKafkajsLog(logger: Logger, now: () => number): KafkajsLog {
  const seen = new Map<string, { writtenAtMs: number; repeated: number }>();
  return {
    level: toKafkajsLevel(logger),
    write: ({ namespace, level, log }) => {
      const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...facts } = log;
      const line = `${namespace} ${message}`;
      const before = seen.get(line);
      const nowMs = now();
      if (before !== undefined && nowMs - before.writtenAtMs < REPEAT_MS) {
        before.repeated += 1;
        return;
      }
      if (seen.size >= LINES_REMEMBERED_MAX) {
        seen.clear();
      }
      seen.set(line, { writtenAtMs: nowMs, repeated: 0 });
      const repeated = before === undefined || before.repeated === 0 ? {} : { repeated: before.repeated };
      logger[toPinoLevel(level)]({ kafkajs: namespace, message, ...facts, ...repeated }, 'kafkajs');
    },
  };
}

const REPEAT_MS = 10_000;
const LINES_REMEMBERED_MAX = 1_000;

function toKafkajsLevel(logger: Logger): logLevel {
  if (logger.isLevelEnabled('trace')) {
    return kafkajs.logLevel.DEBUG;
  }
  return logger.isLevelEnabled('debug') ? kafkajs.logLevel.INFO : kafkajs.logLevel.WARN;
}

function toPinoLevel(level: logLevel): 'warn' | 'info' | 'debug' | 'trace' {
  switch (level) {
    case kafkajs.logLevel.ERROR:
      return 'warn';
    case kafkajs.logLevel.WARN:
      return 'info';
    case kafkajs.logLevel.INFO:
      return 'debug';
    default:
      return 'trace';
  }
}
