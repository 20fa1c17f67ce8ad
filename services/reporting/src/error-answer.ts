import type { Logger } from '@meterstone/runtime';
import { StoreError } from '@meterstone/store';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ApiError, toErrorBody } from './errors.ts';

/** Answers every error in one shape, also for unknown paths and wrong methods. */
export function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, _request, reply) => send(reply, toApiError(error, logger)));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    if (app.hasRoute({ method: 'GET', url: path })) {
      reply.header('allow', 'GET, HEAD');
      return send(reply, new ApiError('method_not_allowed', `${path} answers GET only.`));
    }
    return send(reply, new ApiError('not_found', 'No such path. Reports are at GET /v1/report.'));
  });
}

function send(reply: FastifyReply, error: ApiError): FastifyReply {
  return reply.code(error.status).send(toErrorBody(error));
}

function toApiError(error: unknown, logger: Logger): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) return fromStore(error, logger);
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    // What fastify itself refuses: a malformed address, a body too large.
    return new ApiError('invalid_request_error', 'The request is malformed.', { cause: error });
  }
  logger.error({ err: error }, 'request failed');
  return new ApiError('internal_server_error', 'Internal error. The server log has the details.', {
    cause: error,
  });
}

function fromStore(error: StoreError, logger: Logger): ApiError {
  // Neither the statement nor the server's text is logged: both can hold user names and tags.
  const facts = { code: error.code, serverCode: error.serverCode };
  if (error.retryable) {
    logger.warn(facts, 'store did not answer');
    return new ApiError('service_unavailable', 'The usage store does not answer right now. Try again.', {
      cause: error,
    });
  }
  logger.error(facts, 'store refused a question');
  return new ApiError(
    'internal_server_error',
    'The usage store refused the question. The server log has its code.',
    {
      cause: error,
    },
  );
}
