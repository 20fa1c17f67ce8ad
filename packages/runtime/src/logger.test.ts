import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function collect(level: 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level,
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines };
}

describe('createLogger', () => {
  it('writes one JSON line with service, level by name and time in ISO form', () => {
    const { logger, lines } = collect();
    logger.info({ batches: 3 }, 'flushed');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      service: 'test',
      level: 'info',
      msg: 'flushed',
      batches: 3,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  it('keeps lines below its level back', () => {
    const { logger, lines } = collect('warn');
    logger.info('quiet');
    expect(lines).toEqual([]);
  });

  it.each([
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
  ])('hides %s at the top level and two levels down', (field) => {
    const { logger, lines } = collect();
    const hidden = { [field]: 'mst_hidden' };
    logger.info({ ...hidden, headers: hidden, request: { headers: hidden } }, 'careless');
    expect(lines.join('')).not.toContain('mst_hidden');
    expect(lines.join('').split('[redacted]')).toHaveLength(4);
  });

  it('hides credentials in the fields of a child logger', () => {
    const { logger, lines } = collect();
    logger.child({ authorization: 'Bearer mst_hidden' }).info('careless');
    expect(lines.join('')).not.toContain('mst_hidden');
  });
});
