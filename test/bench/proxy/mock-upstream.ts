import { createServer, type Server, type Socket } from 'node:net';
import { answerParent } from '../worker-commands.ts';
import { HttpReader } from './http-reader.ts';
import {
  createScenario,
  SCENARIO_HEADER,
  type Scenario,
  type ScenarioName,
  VARIANT_HEADER,
  type Variant,
} from './scenarios.ts';

/** `stats` counts what came since it was last asked. */
export type MockQuestion = { readonly ask: 'listen' } | { readonly ask: 'stats' };
export interface MockListening {
  readonly port: number;
}
export interface MockStats {
  readonly requests: number;
  /** Requests whose body had not the length that the generator sent. */
  readonly wrongBodies: number;
}

const PHASES = 4;
/** Four phases make the 20 ms between two frames of one stream. */
const PHASE_MS = 5;
const COMMON_HEAD = [
  'HTTP/1.1 200 OK',
  'date: Tue, 24 Nov 2026 12:00:00 GMT',
  'x-request-id: req_bench',
  'openai-version: 2020-10-01',
  '',
].join('\r\n');
const STREAM_HEAD = Buffer.from(
  `${COMMON_HEAD}content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n`,
);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** A provider that answers with what each request names, over raw TCP so that it costs little. */
function createMock(): { server: Server; takeStats(): MockStats } {
  const scenarios = new Map<string, Scenario>();
  const pacer = createPacer();
  let requests = 0;
  let wrongBodies = 0;
  const answerTo = (socket: Socket, head: string, bodyBytes: number) => {
    const name = headerOf(head, SCENARIO_HEADER);
    // The generator takes the name from the same list.
    const scenario = scenarios.get(name) ?? createScenario(name as ScenarioName);
    scenarios.set(name, scenario);
    const variant = scenario.variants[Number(headerOf(head, VARIANT_HEADER))];
    if (variant === undefined) throw new Error('a request names no variant');
    requests += 1;
    if (bodyBytes !== variant.requestBodyBytes) wrongBodies += 1;
    answer(socket, { scenario, variant, pacer });
  };
  const server = createServer({ noDelay: true }, (socket) => {
    let head = '';
    let bodyBytes = 0;
    const reader = new HttpReader({
      onHead(text) {
        head = text;
        bodyBytes = 0;
      },
      onBody(bytes) {
        bodyBytes += bytes.length;
      },
      onEnd: () => answerTo(socket, head, bodyBytes),
    });
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('error', () => socket.destroy());
  });
  return {
    server,
    takeStats() {
      const stats = { requests, wrongBodies };
      requests = 0;
      wrongBodies = 0;
      return stats;
    },
  };
}

interface AnswerParts {
  readonly scenario: Scenario;
  readonly variant: Variant;
  readonly pacer: Pacer;
}

function answer(socket: Socket, { scenario, variant, pacer }: AnswerParts): void {
  const { framePauseMs } = scenario;
  const { pieces } = variant;
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) {
    socket.write(Buffer.concat([Buffer.from(jsonHead(only.length)), only]));
    return;
  }
  socket.write(STREAM_HEAD);
  const writeFrame = (index: number) => {
    const piece = pieces[index];
    socket.write(piece === undefined ? LAST_CHUNK : toChunk(piece));
  };
  if (framePauseMs > 0) pacer.start(pieces.length + 1, writeFrame);
  else for (let index = 0; index <= pieces.length; index += 1) writeFrame(index);
}

/** Calls `step` with 0, 1, … at the pace of frames. */
interface Pacer {
  start(steps: number, step: (index: number) => void): void;
}

/** One timer for all paced streams, which it spreads over four phases: a timer for each would cost more than they do. */
function createPacer(): Pacer {
  const phases: Set<{ next: number; readonly steps: number; readonly step: (index: number) => void }>[] = [];
  for (let phase = 0; phase < PHASES; phase += 1) phases.push(new Set());
  let tick = 0;
  setInterval(() => {
    const phase = phases[tick % PHASES];
    tick += 1;
    for (const stream of phase ?? []) {
      stream.step(stream.next);
      stream.next += 1;
      if (stream.next === stream.steps) phase?.delete(stream);
    }
  }, PHASE_MS);
  return { start: (steps, step) => phases[(tick + PHASES - 1) % PHASES]?.add({ next: 0, steps, step }) };
}

function headerOf(head: string, name: string): string {
  const start = head.indexOf(`\r\n${name}: `) + name.length + 4;
  const end = head.indexOf('\r\n', start);
  return end < 0 ? head.slice(start) : head.slice(start, end);
}

function jsonHead(bytes: number): string {
  return `${COMMON_HEAD}content-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`;
}

function toChunk(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
}

const { server, takeStats } = createMock();
await answerParent<MockQuestion>(async ({ ask }) => {
  if (ask === 'stats') return takeStats();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port } satisfies MockListening;
});
