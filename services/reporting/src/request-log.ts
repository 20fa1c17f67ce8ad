import type { Logger, Reading } from '@meterstone/runtime';
import type { FastifyInstance } from 'fastify';

/**
 * Logs and counts each answered request by its route, never by its address: the query string names users and
 * tags. Returns the counts as a metric.
 */
export function observeRequests(app: FastifyInstance, logger: Logger): readonly Reading[] {
  const counts = new Map<string, { route: string; status: number; requests: number; seconds: number }>();
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const status = reply.statusCode;
    const durationMs = Math.round(reply.elapsedTime);
    const count = counts.get(`${route} ${status}`) ?? { route, status, requests: 0, seconds: 0 };
    count.requests += 1;
    count.seconds += reply.elapsedTime / 1000;
    counts.set(`${route} ${status}`, count);
    // The doors are asked every few seconds for ever and would bury the rest.
    if (route.startsWith('/v'))
      logger.info({ method: request.method, route, status, durationMs }, 'answered');
  });
  const values = (pick: 'requests' | 'seconds') => () =>
    [...counts.values()].map((count) => ({
      labels: { route: count.route, status: count.status },
      value: count[pick],
    }));
  return [
    {
      name: 'meterstone_reporting_requests_total',
      help: 'Requests answered, by route and status.',
      kind: 'counter',
      labels: ['route', 'status'],
      read: values('requests'),
    },
    {
      name: 'meterstone_reporting_request_seconds_total',
      help: 'Time spent on them, in seconds.',
      kind: 'counter',
      labels: ['route', 'status'],
      read: values('seconds'),
    },
  ];
}
