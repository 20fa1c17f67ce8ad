import { createLogger, type LogLevel } from '@meterstone/runtime';
import kafkajs, { type logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { createKafkajsLog } from './kafkajs-log.ts';

function open(level: LogLevel) {
  const lines: Record<string, unknown>[] = [];
  const clock = { nowMs: 0 };
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = createKafkajsLog(createLogger({ service: 'test', level, destination }), () => clock.nowMs);
  const write = (severity: logLevel, message: string) =>
    log.write({
      namespace: 'Connection',
      level: severity,
      label: '',
      log: { timestamp: 'never', logger: 'kafkajs', message, broker: 'localhost:9092', stack: 'at …' },
    });
  return { log, write, lines, clock };
}

describe('createKafkajsLog', () => {
  it('writes one constant message, the rest as fields, one level lower', () => {
    const { write, lines } = open('trace');
    write(kafkajs.logLevel.ERROR, 'refused');
    write(kafkajs.logLevel.WARN, 'odd');
    write(kafkajs.logLevel.INFO, 'joined');
    write(kafkajs.logLevel.DEBUG, 'sent');
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info', 'debug', 'trace']);
    expect(lines[0]).toMatchObject({
      msg: 'kafkajs',
      kafkajs: 'Connection',
      message: 'refused',
      broker: 'localhost:9092',
    });
    expect(lines[0]).not.toHaveProperty('stack');
  });

  it('counts a line that is repeated within ten seconds', () => {
    const { write, lines, clock } = open('info');
    for (let second = 0; second <= 11; second++) {
      clock.nowMs = second * 1_000;
      write(kafkajs.logLevel.ERROR, 'refused');
    }
    expect(lines).toHaveLength(2);
    // At 0 s and at 10 s; the nine between are told with the second, the one at 11 s waits for the next.
    expect(lines[1]).toMatchObject({ repeated: 9 });
  });

  it.each([
    ['warn', kafkajs.logLevel.WARN],
    ['info', kafkajs.logLevel.WARN],
    ['debug', kafkajs.logLevel.INFO],
    ['trace', kafkajs.logLevel.DEBUG],
  ] as const)('asks kafkajs for no more lines than %s will write', (level, expected) => {
    expect(open(level).log.level).toBe(expected);
  });
});
