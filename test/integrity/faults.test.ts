import { expect, it } from 'vitest';
import { type FaultPlan, faultKind, faultText, isKill, planFault, planFaults } from './faults.ts';
import { createChance } from './random.ts';

const plan = (seed: number, { hasLedger = true, only = null }: Partial<FaultPlan> = {}) =>
  planFaults({ chance: createChance(seed), hasLedger, only }, 400);

it('plans the same faults for the same seed, and others for another', () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
});

it('plans every kind of fault and every moment in the long run, mostly kills', () => {
  const faults = plan(3);
  expect([...new Set(faults.map(({ kind }) => kind))].sort()).toEqual([
    'add_aggregator',
    'jump_clock',
    'kill_aggregator',
    'kill_clickhouse',
    'kill_kafka',
    'kill_proxy',
    'lose_commit_answer',
    'lose_insert_answer',
    'lose_produce_answer',
    'pause_aggregator',
    'remove_aggregator',
  ]);
  expect(faults.filter(isKill).length).toBeGreaterThan(200);
  expect(new Set(faults.filter(({ kind }) => kind === 'kill_aggregator').map(faultText))).toEqual(
    new Set([
      'kill_aggregator',
      'kill_aggregator at rows before_forwarding',
      'kill_aggregator at rows while_forwarding',
      'kill_aggregator at rows before_answer',
      'kill_aggregator at ledger before_forwarding',
      'kill_aggregator at ledger before_answer',
    ]),
  );
});

it('aims at no ledger where there is none', () => {
  expect(plan(3, { hasLedger: false }).map(faultText).join()).not.toContain('ledger');
});

it('plans one kind alone where that is asked for by its name', () => {
  const faults = plan(3, { only: faultKind('kill_proxy') });
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(['kill_proxy']));
  expect(faults.length).toBe(400);
  expect(faultKind('kill_everything')).toBe(null);
});

it('pauses an aggregator for longer than its session lasts', () => {
  const fault = planFault({ chance: createChance(1), hasLedger: true }, 'pause_aggregator');
  expect(fault).toMatchObject({ kind: 'pause_aggregator', pauseMs: expect.any(Number) });
  expect('pauseMs' in fault && fault.pauseMs).toBeGreaterThan(10_000);
});
