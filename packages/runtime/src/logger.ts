import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = (typeof LOG_LEVELS)[number];

/** From everything to nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface LoggerOptions {
  /** Stands in every line as `service`. */
  readonly service: string;
  readonly level: LogLevel;
  /** @default standard output, written synchronously, so that a crash loses no line */
  readonly destination?: DestinationStream;
}

/**
 * Logs JSON lines with a constant message and the facts as fields. Fields that carry credentials are
 * replaced by `[redacted]` at the top level and two levels down (`request.headers.authorization`); that is a
 * net below the rule that no header and no body is logged at all, not a licence to log them.
 */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redactionPaths(), censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Names under which a credential travels in headers, settings and errors of HTTP clients. */
const SECRET_FIELDS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-meterstone-key',
  'x-amz-security-token',
  'apiKey',
  'api_key',
  'password',
  'secret',
  'credential',
] as const;

function redactionPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`]);
}
