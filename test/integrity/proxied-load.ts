import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chance, createChance } from './random.ts';
import { MODELS } from './sent-event.ts';

/** One request that a client made. */
export interface ClientCall {
  readonly operationId: string;
  readonly orgId: string;
  readonly model: string;
  readonly startedAt: number;
  /** When its connection was over, however; `null` = it goes on. */
  endedAt: number | null;
}

/** Clients that call the proxy until they are stopped. */
export interface ProxiedLoad {
  /** Every call so far. */
  readonly calls: readonly ClientCall[];
  /** Calls that were answered whole with another status than 200. */
  readonly refused: ReadonlyMap<number, number>;
  /** No further calls; resolves when those in flight are over. */
  stop(): Promise<void>;
}

export interface ProxiedLoadOptions {
  readonly proxyUrl: string;
  /** Meterstone key by org. */
  readonly keys: ReadonlyMap<string, string>;
  readonly clients: number;
  readonly seed: number;
  /** In front of every operation's name: unique in the run. */
  readonly prefix: string;
}

const PAUSE_MS_MAX = 60;
const DOWN_PAUSE_MS = 100;
const ABORT_SHARE = 0.05;
const ABORT_MS_MAX = 80;
const CALL_MS_MAX = 20_000;

/** Starts clients: each makes one call after the other, half of them streams, some hang up in the middle. */
export function startProxiedLoad(options: ProxiedLoadOptions): ProxiedLoad {
  const calls: ClientCall[] = [];
  const refused = new Map<number, number>();
  const agent = new Agent({ keepAlive: true });
  let stopped = false;
  const run = async (client: number) => {
    const chance = createChance(options.seed + client * 7_919);
    for (let number = 0; !stopped; number += 1) {
      const orgId = chance.pick([...options.keys.keys()]);
      const { model, operation } = chance.pick(MODELS);
      const operationId = `${options.prefix}-${client}-${number}`;
      const call: ClientCall = { operationId, orgId, model, startedAt: Date.now(), endedAt: null };
      calls.push(call);
      const key = options.keys.get(orgId) ?? '';
      const status = await makeCall({ ...options, agent, chance, call, operation, key });
      call.endedAt = Date.now();
      if (status !== null && status !== 200) refused.set(status, (refused.get(status) ?? 0) + 1);
      await sleep(status === null ? DOWN_PAUSE_MS : chance.between(0, PAUSE_MS_MAX));
    }
  };
  const running = Promise.all(Array.from({ length: options.clients }, (_, client) => run(client)));
  return {
    calls,
    refused,
    stop: async () => {
      stopped = true;
      await running;
      agent.destroy();
    },
  };
}

interface CallParts {
  readonly proxyUrl: string;
  readonly agent: Agent;
  readonly chance: Chance;
  readonly call: ClientCall;
  readonly operation: string;
  readonly key: string;
}

/** Resolves with the status when the answer came to its end; `null` = the connection broke, or we hung up. */
function makeCall({ proxyUrl, agent, chance, call, operation, key }: CallParts): Promise<number | null> {
  const path = operation === 'chat' ? '/openai/v1/chat/completions' : '/anthropic/v1/messages';
  const stream = chance.happens(0.5);
  const body = JSON.stringify({
    model: call.model,
    stream,
    ...(operation === 'messages' ? { max_tokens: 64 } : {}),
    ...(operation === 'chat' && stream ? { stream_options: { include_usage: true } } : {}),
    messages: [{ role: 'user', content: call.operationId }],
  });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const question = request(`${proxyUrl}${path}`, {
    agent,
    method: 'POST',
    timeout: CALL_MS_MAX,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(operation === 'chat' ? { authorization: `Bearer ${key}` } : { 'x-api-key': key }),
      'meterstone-operation-id': call.operationId,
    },
  });
  question.on('response', (answer) => {
    answer.on('end', () => resolve(answer.statusCode ?? null));
    answer.on('close', () => resolve(null));
    answer.on('error', () => resolve(null));
    answer.resume();
  });
  question.on('error', () => resolve(null));
  question.on('timeout', () => question.destroy());
  question.end(body);
  if (chance.happens(ABORT_SHARE)) setTimeout(() => question.destroy(), chance.between(1, ABORT_MS_MAX));
  return promise;
}
