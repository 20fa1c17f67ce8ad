import { connect, type Socket } from 'node:net';
import { HttpReader } from './http-reader.ts';
import type { Scenario, Variant } from './scenarios.ts';

/** Counts of a load, added to by all its connections. */
export interface LoadTally {
  /** Whole answers, by variant. */
  readonly answers: number[];
  /** What was wrong, the first few; empty = every byte of every answer was right. */
  readonly faults: string[];
}

const FAULTS_KEPT_MAX = 5;

/** A connection to a proxy that asks one request at a time and compares every byte of the answer. */
export class LoadConnection {
  readonly #socket: Socket;
  readonly #tally: LoadTally;
  readonly #onIdle: (connection: LoadConnection) => void;
  #variant: Variant | null = null;
  #number = 0;
  #position = 0;
  #isWrong = false;

  constructor(port: number, tally: LoadTally, onIdle: (connection: LoadConnection) => void) {
    this.#tally = tally;
    this.#onIdle = onIdle;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const reader = new HttpReader({
      onHead: (head) => {
        if (!head.startsWith('HTTP/1.1 200 ')) this.#fault(head.slice(0, 200));
      },
      onBody: (bytes) => this.#compare(bytes),
      onEnd: () => this.#end(),
    });
    this.#socket.on('data', (bytes: Buffer) => reader.push(bytes));
    this.#socket.on('close', () => {
      if (this.#variant !== null) this.#fault('the connection was closed before the answer ended');
    });
    this.#socket.on('error', (error) => this.#fault(error.message));
  }

  /** Sends the scenario's variant of that number. */
  send(scenario: Scenario, number: number): void {
    const variant = scenario.variants[number];
    if (variant === undefined) throw new RangeError(`no variant ${number}`);
    this.#variant = variant;
    this.#number = number;
    this.#position = 0;
    this.#isWrong = false;
    this.#socket.write(variant.request);
  }

  close(): void {
    this.#variant = null;
    this.#socket.destroy();
  }

  #compare(bytes: Buffer): void {
    const expected = this.#variant?.answer;
    const end = this.#position + bytes.length;
    if (expected === undefined || end > expected.length) {
      this.#isWrong = true;
    } else if (bytes.compare(expected, this.#position, end) !== 0) {
      this.#isWrong = true;
    }
    this.#position = end;
  }

  #end(): void {
    const expectedBytes = this.#variant?.answer.length;
    if (this.#isWrong || this.#position !== expectedBytes) {
      this.#fault(`answer ${this.#number} has ${this.#position} bytes of ${expectedBytes}, or other ones`);
    }
    this.#variant = null;
    this.#tally.answers[this.#number] = (this.#tally.answers[this.#number] ?? 0) + 1;
    this.#onIdle(this);
  }

  #fault(fault: string): void {
    if (this.#tally.faults.length < FAULTS_KEPT_MAX) this.#tally.faults.push(fault);
  }
}
