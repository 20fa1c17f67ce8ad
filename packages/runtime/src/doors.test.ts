import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { type Readiness, registerDoors } from './doors.ts';
import { createLogger } from './logger.ts';
import { createRegistry } from './metrics.ts';

function build(readiness: () => Readiness) {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const app = fastify({ loggerInstance: logger });
  registerDoors(app, { registry: createRegistry({ service: 'test' }), readiness });
  return app;
}

describe('registerDoors', () => {
  it('answers /healthz although the service is not ready', async () => {
    const app = build(() => ({ ready: false, reasons: ['no broker'] }));
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' });
  });

  it('answers /readyz with 200, and with 503 and the reasons once it is no longer ready', async () => {
    let readiness: Readiness = { ready: true, reasons: [] };
    const app = build(() => readiness);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    readiness = { ready: false, reasons: ['no broker answers'] };
    const answer = await app.inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual(readiness);
  });

  it('answers /metrics in the text format of Prometheus', async () => {
    const answer = await build(() => ({ ready: true, reasons: [] })).inject('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    expect(answer.body).toContain('process_resident_memory_bytes');
  });
});
