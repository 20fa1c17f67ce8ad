import { setTimeout as sleep } from 'node:timers/promises';
import type { StackServer } from '@meterstone/local-stack';
import type { TcpRelay } from '../support/tcp-relay.ts';
import type { Aim, Fault } from './faults.ts';
import type { Chance } from './random.ts';
import type { ServiceProcess } from './service-process.ts';
import type { AggregatorSeat, PipelineUnderTest } from './system.ts';

/** What became of a fault: an aim whose moment never came is inflicted without it. */
export type FaultOutcome = 'done' | 'aim_missed' | 'nothing_to_do';

export interface InflictOptions {
  readonly pipeline: PipelineUnderTest;
  readonly chance: Chance;
  /** Called at the moment at which the proxy dies. */
  readonly onProxyKilled: () => void;
}

/** How long a moment is waited for: an aggregator that dies holds up its group for the length of a session. */
const AIM_MS_MAX = 14_000;
const RESTART_MS_MAX = 800;
const READY_MS_MAX = 10_000;

const KAFKA_PRODUCE = 0;
const KAFKA_OFFSET_COMMIT = 8;

/** Lets a fault happen and starts again what it killed; what was started may not be ready yet. */
export async function inflict(fault: Fault, options: InflictOptions): Promise<FaultOutcome> {
  const { pipeline, chance } = options;
  switch (fault.kind) {
    case 'kill_aggregator':
      return killAggregator(fault.aim, options);
    case 'kill_clickhouse':
      return killClickHouse(fault.aim, options);
    case 'kill_kafka':
      await killServer(pipeline.stack.kafka[0]);
      return 'done';
    case 'kill_proxy':
      options.onProxyKilled();
      pipeline.proxy.kill();
      await restart(pipeline.proxy, chance);
      // A second kill before it serves again would hit nothing in flight.
      await pipeline.proxy.ready(READY_MS_MAX);
      return 'done';
    case 'add_aggregator':
      return addAggregator(pipeline);
    case 'remove_aggregator':
      return removeAggregator(options);
    case 'pause_aggregator':
      return pauseAggregator(fault.pauseMs, options);
    case 'jump_clock': {
      const service = fault.service === 'proxy' ? pipeline.proxy : pickRunning(options)?.process;
      if (service === undefined || !(await service.ready(READY_MS_MAX))) return 'nothing_to_do';
      service.jumpClock(fault.shiftMs);
      return 'done';
    }
    case 'lose_insert_answer':
      return loseAnswer(pickRunning(options)?.toClickHouse, isRequest('rows'));
    case 'lose_commit_answer':
      return loseAnswer(pickRunning(options)?.toKafka, isKafkaRequest(KAFKA_OFFSET_COMMIT));
    case 'lose_produce_answer':
      return loseAnswer(pipeline.proxyToKafka, isKafkaRequest(KAFKA_PRODUCE));
  }
}

async function killAggregator(aim: Aim | null, options: InflictOptions): Promise<FaultOutcome> {
  const seats = running(options.pipeline);
  if (seats.length === 0) return 'nothing_to_do';
  const hit = aim === null ? null : await firstToMeet(seats, aim, (seat) => seat.process.kill());
  const victim = hit ?? options.chance.pick(seats);
  victim.process.kill();
  await restart(victim.process, options.chance);
  return aim !== null && hit === null ? 'aim_missed' : 'done';
}

async function killClickHouse(aim: Aim | null, { pipeline }: InflictOptions): Promise<FaultOutcome> {
  const [server] = pipeline.stack.clickhouse;
  const pid = server?.pid ?? null;
  const hit =
    aim === null || pid === null
      ? null
      : await firstToMeet(running(pipeline), aim, () => process.kill(pid, 'SIGKILL'));
  await killServer(server);
  return aim !== null && hit === null ? 'aim_missed' : 'done';
}

/** Whoever comes to the moment first is cut there; the others are left alone. */
async function firstToMeet(
  seats: readonly AggregatorSeat[],
  aim: Aim,
  strike: (seat: AggregatorSeat) => void,
): Promise<AggregatorSeat | null> {
  let hit: AggregatorSeat | null = null;
  const matches = isRequest(aim.request);
  await Promise.any([
    ...seats.map(async (seat) => {
      const act = () => {
        hit = seat;
        strike(seat);
      };
      const isFirst = (sent: Buffer) => hit === null && matches(sent);
      const { moment, delayMs } = aim;
      const met = await seat.toClickHouse.aim({ moment, delayMs, matches: isFirst, act }, AIM_MS_MAX);
      if (!met) throw new Error('the moment did not come');
    }),
  ]).catch(() => {});
  for (const seat of seats) seat.toClickHouse.giveUp();
  return hit;
}

async function killServer(server: StackServer | undefined): Promise<void> {
  await server?.kill('SIGKILL');
  await server?.start();
}

async function restart(service: ServiceProcess, chance: Chance): Promise<void> {
  await service.gone();
  await sleep(chance.between(0, RESTART_MS_MAX));
  service.start();
}

function addAggregator({ aggregators }: PipelineUnderTest): FaultOutcome {
  const free = aggregators.find((seat) => !seat.process.isRunning);
  free?.process.start();
  return free === undefined ? 'nothing_to_do' : 'done';
}

/** The last one stays: without any, nothing would be tested. */
async function removeAggregator(options: InflictOptions): Promise<FaultOutcome> {
  const leaving = running(options.pipeline).length < 2 ? undefined : pickRunning(options)?.process;
  if (leaving === undefined) return 'nothing_to_do';
  // One that is still starting would die of the signal instead of leaving.
  await leaving.ready(READY_MS_MAX);
  await leaving.stop();
  return 'done';
}

async function pauseAggregator(pauseMs: number, options: InflictOptions): Promise<FaultOutcome> {
  const seats = running(options.pipeline);
  if (seats.length === 0) return 'nothing_to_do';
  // With rows in hand, so that it wakes with what its heir has stored meanwhile.
  const aim: Aim = { request: 'rows', moment: 'before_forwarding', delayMs: 0 };
  const hit = await firstToMeet(seats, aim, (seat) => seat.process.signal('SIGSTOP'));
  if (hit === null) return 'aim_missed';
  await sleep(pauseMs);
  hit.process.signal('SIGCONT');
  return 'done';
}

async function loseAnswer(
  relay: TcpRelay | undefined,
  matches: (sent: Buffer) => boolean,
): Promise<FaultOutcome> {
  if (relay === undefined) return 'nothing_to_do';
  const met = await relay.aim({ moment: 'before_answer', matches, act: () => {} }, AIM_MS_MAX);
  return met ? 'done' : 'aim_missed';
}

function running({ aggregators }: PipelineUnderTest): AggregatorSeat[] {
  return aggregators.filter((seat) => seat.process.isRunning);
}

function pickRunning({ pipeline, chance }: InflictOptions): AggregatorSeat | undefined {
  const seats = running(pipeline);
  return seats.length === 0 ? undefined : chance.pick(seats);
}

/** An insert's statement stands in the request line, before its rows. */
function isRequest(request: Aim['request']): (sent: Buffer) => boolean {
  const table = { rows: 'raw_events', ledger: 'ingest_ranges' }[request];
  return (sent) => {
    const head = sent.subarray(0, HEAD_BYTES).toString('latin1');
    return head.startsWith('POST ') && /INSERT[+ ]|INSERT%20/.test(head) && head.includes(table);
  };
}

const HEAD_BYTES = 4_096;
const API_KEY_POSITION = 4;

function isKafkaRequest(apiKey: number): (sent: Buffer) => boolean {
  return (sent) => sent.length > API_KEY_POSITION + 2 && sent.readInt16BE(API_KEY_POSITION) === apiKey;
}
