import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import type { AnswerMeter } from '../answer/answer-meter.ts';
import { createMeter, isEventStream } from '../answer/meter.ts';
import type { Attempt } from '../event/attempt.ts';
import type { NotedAttempt } from '../event/recorder.ts';
import { sendError } from '../refuse.ts';
import { type AnswerHeaders, rawBytes, toAnswerHeaders, toPairs, withoutHeaders } from './answer-headers.ts';
import type { Swept } from './sweep.ts';
import { ExchangeAbort, toUpstreamFault, type UpstreamFault } from './upstream-fault.ts';
import type { Client, ExchangeContext, UpstreamRequest } from './upstream-request.ts';

/** One attempt: passes a provider's answer to the client byte by byte and sees how it ends. */
export class Exchange implements Dispatcher.DispatchHandler, Swept {
  sweepIndex = -1;

  readonly #context: ExchangeContext;
  readonly #upstream: UpstreamRequest;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #controller: Dispatcher.DispatchController | null = null;
  #meter: AnswerMeter = NO_METER;
  /** `null`: no status line yet. */
  #status: number | null = null;
  #streamed: boolean | null = null;
  #firstOutputAt: number | null = null;
  /** `null`: not about to go upstream yet. */
  #noted: NotedAttempt | null = null;
  /** The sweep's clock when the attempt was noted, or its note renewed. */
  #notedAtMs: number;
  /** The sweep's clock when something last came from the provider, or the client last took something. */
  #activeAtMs: number;
  #isSettled = false;
  #clientHasGone = false;
  #isDraining = false;
  #drainedBytes = 0;
  #drainingSinceMs = 0;
  #hasWritten = false;
  /** Bytes to come before the announced end of an answer; -1: not announced, or not passed on unchanged. */
  #bytesLeft = -1;
  /** The bytes that reached the announced end: they go out together with it, which saves a write. */
  #last: Buffer | undefined;

  constructor(context: ExchangeContext, upstream: UpstreamRequest, client: Client) {
    this.#context = context;
    this.#upstream = upstream;
    this.#request = client.request;
    this.#response = client.response;
    this.#activeAtMs = context.sweep.nowMs;
    this.#notedAtMs = context.sweep.nowMs;
  }

  /** ProxyError `journal_full`; then nothing was begun. */
  start(): void {
    const { sweep, recorder } = this.#context;
    this.#noted = recorder.note(this.#upstream.attempt);
    this.#response.on('close', () => this.#onClientClose());
    // A write can meet a socket that broke and has not said so yet; `close` follows and tells all there is to know.
    this.#response.on('error', ignore);
    sweep.add(this);
    recorder.whenNoted(() => this.#depart());
  }

  #depart(): void {
    if (this.#clientHasGone) {
      // It never left.
      this.#settle(null);
      return;
    }
    const { dispatcher, method, path, headers, body } = this.#upstream;
    // undici only reads the list of headers; its typing asks for a mutable one.
    const options = { method, path, body, headers: headers as string[] };
    try {
      dispatcher.dispatch(options, this);
    } catch (cause) {
      // It tells its handler what is wrong; were it to throw, nobody is left here who would catch.
      this.onResponseError(null, new Error('a request was not taken', { cause }));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#clientHasGone) {
      controller.abort(new ExchangeAbort('client_gone'));
    }
  }

  onBodySent(): void {
    this.#activeAtMs = this.#context.sweep.nowMs;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    this.#activeAtMs = this.#context.sweep.nowMs;
    if (status < 200) {
      return;
    }
    this.#status = status;
    const { method, reader, cutsUsage } = this.#upstream;
    const { limits, budget, readNames } = this.#context;
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
    const mayHaveTrailers = hasBody && this.#request.httpVersionMinor > 0;
    const headers = toAnswerHeaders(rawBytes(controller.rawHeaders), { readNames, mayHaveTrailers });
    const { contentType, contentEncoding } = headers;
    this.#streamed = isEventStream(contentType);
    this.#meter = createMeter({ reader, contentType, contentEncoding, cutsUsage, limits, budget });
    if (!this.#clientHasGone) {
      this.#sendHead(statusText ?? '', headers);
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#activeAtMs = this.#context.sweep.nowMs;
    const passed = this.#meter.pass(chunk);
    if (this.#firstOutputAt === null && this.#meter.hasDelta) {
      this.#firstOutputAt = this.#context.now();
    }
    if (this.#isDraining) {
      this.#countDrained(chunk.length);
      return;
    }
    if (Buffer.isBuffer(passed)) {
      this.#bytesLeft -= passed.length;
      if (this.#bytesLeft === 0) {
        this.#last = passed;
        return;
      }
    }
    if (!this.#write(passed)) {
      controller.pause();
      this.#response.once('drain', () => {
        this.#activeAtMs = this.#context.sweep.nowMs;
        controller.resume();
      });
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const rest = this.#meter.rest();
    if (!this.#clientHasGone) {
      this.#write(rest);
      const trailers = rawBytes(controller.rawTrailers);
      if (trailers.length > 0) {
        this.#response.addTrailers(toPairs(trailers));
      }
      this.#response.end(this.#last);
    }
    this.#settle(null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#isSettled) {
      return;
    }
    const fault = toUpstreamFault(error, this.#controller !== null);
    const rest = this.#meter.rest();
    if (!this.#clientHasGone) {
      this.#breakOff(fault, rest);
    }
    this.#settle(fault);
  }

  onSweep(nowMs: number): void {
    const { limits, recorder } = this.#context;
    if (this.#status !== null) {
      this.flushHead();
    }
    if (this.#noted !== null && nowMs - this.#notedAtMs > limits.noteRenewalMs) {
      this.#notedAtMs = nowMs;
      recorder.renew(this.#noted, this.#meter.deltas);
    }
    if (this.#isDraining && nowMs - this.#drainingSinceMs > limits.drainMs) {
      this.#endDrain('over_time');
      this.#abort('client_gone');
    } else if (this.#controller?.paused === true) {
      if (nowMs - this.#activeAtMs > limits.clientStallMsMax) {
        this.#response.destroy();
      }
    } else if (nowMs - this.#activeAtMs > limits.upstreamSilenceMsMax) {
      this.#abort('silence');
    }
  }

  onStop(): void {
    this.#abort('stopping');
  }

  #sendHead(statusText: string, { passed, contentLength }: AnswerHeaders): void {
    const { attempt, cutsUsage } = this.#upstream;
    const isShortened = cutsUsage && this.#streamed === true;
    const headers = isShortened ? withoutHeaders(passed, ['content-length']) : passed;
    this.#bytesLeft = isShortened || contentLength === null ? -1 : contentLength;
    headers.push(
      'meterstone-operation-id',
      attempt.operationId,
      'meterstone-generation-id',
      attempt.id.generationId,
    );
    this.#response.sendDate = false;
    this.#response.writeHead(this.#status ?? 502, statusText, headers);
    if (contentLength === null) {
      // The head goes out with the first bytes of the body if they are here already, else now. Where a length is
      // announced the body is mostly here: there the head waits for it, until the next sweep at most.
      process.nextTick(flushHead, this);
    }
  }

  /** `false`: the client is slower than the provider. */
  #write(passed: Buffer | readonly Buffer[]): boolean {
    if (this.#response.destroyed) {
      return true;
    }
    if (Buffer.isBuffer(passed)) {
      this.#hasWritten = true;
      return this.#response.write(passed);
    }
    let isTaken = true;
    for (const part of passed) {
      this.#hasWritten = true;
      isTaken = this.#response.write(part);
    }
    return isTaken;
  }

  #breakOff(fault: UpstreamFault, rest: readonly Buffer[]): void {
    const { attempt } = this.#upstream;
    if (!this.#response.headersSent) {
      this.#context.counters.refused.add(fault.code);
      const names = ['meterstone-operation-id', attempt.operationId];
      sendError(this.#response, fault, [...names, 'meterstone-generation-id', attempt.id.generationId]);
      return;
    }
    // What came is sent; the missing end of the body then tells the client what the provider told us.
    this.#write(rest);
    // Node gathers the chunks of one tick; they would be lost with the socket.
    process.nextTick(destroySoon, this.#response.socket);
  }

  #onClientClose(): void {
    if (this.#isSettled || this.#response.writableFinished) {
      return;
    }
    this.#clientHasGone = true;
    if (this.#controller === null) {
      // Still connecting: nothing was sent, so nothing need be.
      return;
    }
    if (!this.#context.drains.begin()) {
      this.#context.counters.drains.add('over_drains');
      this.#abort('client_gone');
      return;
    }
    this.#isDraining = true;
    this.#drainingSinceMs = this.#context.sweep.nowMs;
    this.#activeAtMs = this.#context.sweep.nowMs;
    this.#controller.resume();
  }

  #countDrained(bytes: number): void {
    this.#drainedBytes += bytes;
    if (this.#drainedBytes > this.#context.limits.drainBytesMax) {
      this.#endDrain('over_bytes');
      this.#abort('client_gone');
    }
  }

  #endDrain(result: 'complete' | 'broken' | 'over_time' | 'over_bytes'): void {
    if (this.#isDraining) {
      this.#isDraining = false;
      this.#context.drains.end();
      this.#context.counters.drains.add(result);
    }
  }

  #abort(reason: ExchangeAbort['reason']): void {
    if (this.#controller === null) {
      // undici has a timeout of its own for connecting.
      return;
    }
    this.#controller.abort(new ExchangeAbort(reason));
  }

  #settle(fault: UpstreamFault | null): void {
    if (this.#isSettled) {
      return;
    }
    this.#isSettled = true;
    const { sweep, recorder, now } = this.#context;
    const { attempt, onSettled } = this.#upstream;
    const noted = this.#noted ?? { attempt, entry: null };
    sweep.remove(this);
    this.#endDrain(fault === null ? 'complete' : 'broken');
    if (this.#controller === null || fault?.code === 'request_too_large') {
      this.#meter.discard();
      recorder.dropped(noted);
    } else {
      const cause = this.#clientHasGone ? 'client_abort' : (fault?.outcome ?? 'ok');
      recorder.ended(
        noted,
        {
          outcome: cause,
          errorType: fault?.errorType ?? null,
          httpStatus: this.#status,
          streamed: this.#streamed,
          timeToFirstTokenMs: this.#firstOutputAt === null ? null : since(attempt, this.#firstOutputAt),
          durationMs: since(attempt, now()),
        },
        this.#meter,
      );
    }
    onSettled();
  }

  /** Sends the head alone, if no byte of the body has come. */
  flushHead(): void {
    if (!this.#hasWritten && !this.#response.writableEnded && !this.#response.destroyed) {
      this.#response.flushHeaders();
    }
  }
}

const NO_METER: AnswerMeter = createMeter({
  reader: null,
  contentType: null,
  contentEncoding: null,
  cutsUsage: false,
  limits: { answerBytesMax: 0, frameBytesMax: 0 },
  budget: { reserve: () => false, release: () => {}, used: 0 },
});

function flushHead(exchange: Exchange): void {
  exchange.flushHead();
}

/** The clock may be set back while a request runs. */
function since({ startedAt }: Attempt, at: number): number {
  return Math.max(0, at - startedAt);
}

function ignore(): void {}

function destroySoon(socket: Socket | null): void {
  socket?.destroySoon();
}
