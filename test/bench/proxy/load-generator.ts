import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from '../worker-commands.ts';
import { LoadConnection, type LoadTally } from './load-connection.ts';
import { createScenario, type Scenario, type ScenarioName } from './scenarios.ts';

/** One load. */
export interface LoadQuestion {
  readonly scenario: ScenarioName;
  readonly port: number;
  readonly seconds: number;
  /** `connections`: each asks again when it has its answer. `rate`: so many requests a second, whatever comes back. */
  readonly load: { readonly connections: number } | { readonly rate: number };
}

/** What came of it. Every answer was compared byte by byte. */
export interface LoadAnswer {
  readonly answers: number;
  /** By variant. */
  readonly answersByVariant: readonly number[];
  readonly faults: readonly string[];
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Of a load by rate, milliseconds from sending to the last byte; else 0. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a load by rate, how late requests left, the generator's own fault; else 0. */
  readonly lateP99Ms: number;
  /** Share of its core that the generator used. */
  readonly busy: number;
}

/** An answer that takes longer than this is not waited for, and is a fault. */
const ANSWER_MS_MAX = 30_000;
const CONNECTIONS_MAX = 2_000;
const TICK_MS = 1;

await answerParent<LoadQuestion>(async (question) => {
  const scenario = createScenario(question.scenario);
  const tally: LoadTally = { answers: [], faults: [] };
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const times =
    'rate' in question.load
      ? await runAtRate({ ...question, scenario, tally, rate: question.load.rate })
      : await runInLoop({ ...question, scenario, tally, connections: question.load.connections });
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    answers: tally.answers.reduce((sum, count) => sum + (count ?? 0), 0),
    answersByVariant: scenario.variants.map((_, number) => tally.answers[number] ?? 0),
    faults: tally.faults,
    seconds: elapsedMs / 1000,
    p50Ms: quantile(times.answered, 0.5),
    p99Ms: quantile(times.answered, 0.99),
    lateP99Ms: quantile(times.late, 0.99),
    busy: (user + system) / 1000 / elapsedMs,
  } satisfies LoadAnswer;
});

interface LoadParts {
  readonly scenario: Scenario;
  readonly port: number;
  readonly seconds: number;
  readonly tally: LoadTally;
}

interface LoadTimes {
  readonly answered: number[];
  readonly late: number[];
}

/** Keeps every connection busy until the time is up, then lets each end what it has begun. */
async function runInLoop(parts: LoadParts & { connections: number }): Promise<LoadTimes> {
  const { scenario, port, seconds, tally, connections } = parts;
  const end = performance.now() + seconds * 1000;
  const done = Promise.withResolvers<void>();
  let next = 0;
  let open = connections;
  const goOn = (connection: LoadConnection) => {
    if (performance.now() < end) {
      connection.send(scenario, next % scenario.variants.length);
      next += 1;
      return;
    }
    open -= 1;
    if (open === 0) done.resolve();
  };
  const all = Array.from({ length: connections }, () => new LoadConnection(port, tally, goOn));
  for (const connection of all) goOn(connection);
  await withDeadline(done.promise, { ms: seconds * 1000 + ANSWER_MS_MAX, tally });
  for (const connection of all) connection.close();
  return { answered: [], late: [] };
}

/** Sends when a request is due, on an idle connection or a new one: a slow answer never delays the next request. */
async function runAtRate(parts: LoadParts & { rate: number }): Promise<LoadTimes> {
  const { scenario, port, seconds, tally, rate } = parts;
  const requests = Math.round(rate * seconds);
  const idle: LoadConnection[] = [];
  const dueOf = new Map<LoadConnection, number>();
  const times: LoadTimes = { answered: [], late: [] };
  let opened = 0;
  const onIdle = (connection: LoadConnection) => {
    times.answered.push(performance.now() - (dueOf.get(connection) ?? 0));
    idle.push(connection);
  };
  const start = performance.now();
  for (let sent = 0; sent < requests; ) {
    const now = performance.now();
    const dueRequests = Math.min(requests, Math.floor(((now - start) * rate) / 1000) + 1);
    for (; sent < dueRequests; sent += 1) {
      const connection = idle.pop() ?? new LoadConnection(port, tally, onIdle);
      opened = dueOf.has(connection) ? opened : opened + 1;
      if (opened > CONNECTIONS_MAX)
        throw new Error(`${CONNECTIONS_MAX} connections are not enough for the rate`);
      times.late.push(now - (start + (sent * 1000) / rate));
      // The timer's own coarseness, a millisecond, is not the proxy's: time counts from the sending.
      dueOf.set(connection, performance.now());
      connection.send(scenario, sent % scenario.variants.length);
    }
    await sleep(TICK_MS);
  }
  const deadline = performance.now() + ANSWER_MS_MAX;
  while (times.answered.length < requests && tally.faults.length === 0 && performance.now() < deadline)
    await sleep(5);
  if (times.answered.length < requests)
    tally.faults.push(`${requests - times.answered.length} answers did not come`);
  for (const connection of dueOf.keys()) connection.close();
  return times;
}

async function withDeadline(
  done: Promise<void>,
  { ms, tally }: { ms: number; tally: LoadTally },
): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(
    () => void tally.faults.push('answers did not come'),
    () => undefined,
  );
  await Promise.race([done, late]);
  timer.abort();
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)] ?? 0;
}
