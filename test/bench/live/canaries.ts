import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createScenario, SCENARIO_HEADER, VARIANT_HEADER, type Variant } from '../proxy/scenarios.ts';
import { timeCall } from '../report/http-call.ts';
import type { CanaryBook } from './canary-book.ts';
import { CANARY_PROXY_KEY, CANARY_REPORT_KEY } from './canary-org.ts';

/** Requests through the real proxy, and reports that should show them. */
export interface Canaries {
  /** Requests that were answered whole, by variant of the scenario. */
  readonly answered: readonly number[];
  /** Milliseconds that each report took since it was last asked. */
  takeReportTimes(): readonly number[];
  /** No more requests; reports go on. Resolves when all are answered. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export interface CanaryOptions {
  readonly proxyUrl: string;
  readonly reportingUrl: string;
  readonly book: CanaryBook;
  /** Requests a second. */
  readonly rate: number;
  /** From the beginning of a report to the next one's, unless it takes longer. */
  readonly reportEveryMs: number;
}

/** As many that a user's turn comes round after seconds. */
const USERS = 50;
const DAY_MS = 86_400_000;
export const CANARY_SCENARIO = 'json';

/** Starts asking for reports; requests begin with `resume`. */
export function startCanaries(options: CanaryOptions): Canaries {
  const { variants } = createScenario(CANARY_SCENARIO);
  const bodies = variants.map(bodyOf);
  const answered = variants.map(() => 0);
  const agent = new Agent({ keepAlive: true });
  const pending = new Set<Promise<void>>();
  const stopping = new AbortController();
  let isPaused = true;
  let sent = 0;
  let reportTimes: number[] = [];
  const sender = setInterval(() => {
    if (isPaused) return;
    const number = sent % variants.length;
    const user = `canary-${sent % USERS}`;
    sent += 1;
    const call = send(options.proxyUrl, { agent, number, user, body: bodies[number] ?? Buffer.alloc(0) });
    const done = call.then((isWhole) => {
      pending.delete(done);
      if (!isWhole) return;
      answered[number] = (answered[number] ?? 0) + 1;
      options.book.answered(user, performance.now());
    });
    pending.add(done);
  }, 1000 / options.rate);
  const reports = pollReports(options, {
    signal: stopping.signal,
    onReport: (ms) => reportTimes.push(ms),
  });
  return {
    answered,
    takeReportTimes() {
      const taken = reportTimes;
      reportTimes = [];
      return taken;
    },
    async pause() {
      isPaused = true;
      await Promise.all(pending);
    },
    resume() {
      isPaused = false;
    },
    async stop() {
      clearInterval(sender);
      await Promise.all(pending);
      stopping.abort();
      await reports;
      agent.destroy();
    },
  };
}

function bodyOf({ request: whole, requestBodyBytes }: Variant): Buffer {
  return whole.subarray(whole.length - requestBodyBytes);
}

interface CanaryCall {
  readonly agent: Agent;
  readonly number: number;
  readonly user: string;
  readonly body: Buffer;
}

/** Whether it was answered, whole and with 200. */
function send(proxyUrl: string, { agent, number, user, body }: CanaryCall): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      authorization: `Bearer ${CANARY_PROXY_KEY}`,
      'ai-reporting-user': user,
      [SCENARIO_HEADER]: CANARY_SCENARIO,
      [VARIANT_HEADER]: String(number),
    };
    const url = `${proxyUrl}/openai/v1/chat/completions`;
    const call = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.on('error', () => resolve(false));
      answer.on('end', () => resolve(answer.statusCode === 200));
      answer.resume();
    });
    call.on('error', () => resolve(false));
    call.end(body);
  });
}

async function pollReports(
  { reportingUrl, book, reportEveryMs }: CanaryOptions,
  { signal, onReport }: { signal: AbortSignal; onReport: (ms: number) => void },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const start = Date.now() - DAY_MS;
  while (!signal.aborted) {
    const query = new URLSearchParams({
      start_date: day(start),
      end_date: day(Date.now() + DAY_MS),
      group_by: 'user',
    });
    const begunAt = performance.now();
    const headers = { authorization: `Bearer ${CANARY_REPORT_KEY}` };
    const call = { method: 'GET', url: `${reportingUrl}/v1/report?${query}`, headers, body: Buffer.alloc(0) };
    try {
      const { answer, ms } = await timeCall(agent, call);
      book.reported(readCounts(answer), performance.now());
      onReport(ms);
    } catch {
      // ClickHouse is away at times, on purpose; what a report did not show, a later one shows.
    }
    await sleep(Math.max(0, reportEveryMs - (performance.now() - begunAt)));
  }
  agent.destroy();
}

function readCounts(answer: Buffer): Map<string, number> {
  const { results } = JSON.parse(answer.toString()) as {
    results: { user: string; request_count: number }[];
  };
  return new Map(results.map(({ user, request_count: count }) => [user, count]));
}
