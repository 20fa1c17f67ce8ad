import { describe, expect, it } from 'vitest';
import { compareRows, compareSums, sumsOf, type Truth } from './compare.ts';
import type { StoredRow } from './stored-rows.ts';
import { type Expected, expectedKey } from './truth.ts';

const line = (operationId: string, facts: Partial<Expected> = {}): Expected => ({
  operationId,
  line: 0,
  eventId: null,
  orgId: 'acme',
  tokens: [10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
  amounts: [5n, 5n, 0n, 7n],
  ...facts,
});

const truthOf = (expected: readonly Expected[], facts: Partial<Truth> = {}): Truth => ({
  expected: new Map(expected.map((each) => [expectedKey(each), each])),
  interrupted: new Set(),
  ...facts,
});

const stored = (expected: Expected, facts: Partial<StoredRow> = {}): StoredRow => ({
  ...expected,
  eventId: expected.eventId ?? 'an id of the proxy',
  isOrphan: false,
  ...facts,
});

describe('holding rows against the truth', () => {
  const one = line('one');
  const two = line('two');

  it('finds nothing where every line stands once as it was sent', () => {
    const report = compareRows(truthOf([one, two]), [stored(two), stored(one)]);
    expect(report).toMatchObject({ findings: [], matched: [one, two] });
  });

  it('finds a line that is lost', () => {
    const { findings, matched } = compareRows(truthOf([one, two]), [stored(one)]);
    expect(findings).toEqual([{ kind: 'lost', where: 'two/0', expected: '1 row', found: 'no row' }]);
    expect(matched).toEqual([one]);
  });

  it('finds a line that stands twice', () => {
    const { findings } = compareRows(truthOf([one]), [stored(one), stored(one)]);
    expect(findings).toEqual([{ kind: 'doubled', where: 'one/0', expected: '1 row', found: '2 rows' }]);
  });

  it('finds a line that nobody sent', () => {
    const { findings } = compareRows(truthOf([one]), [stored(one), stored(two)]);
    expect(findings.map(({ kind, where }) => [kind, where])).toEqual([['unexpected', 'two/0']]);
  });

  it.each([
    ['org_id', { orgId: 'globex' }],
    ['tokens', { tokens: one.tokens.map((count) => count + 1) }],
    ['charge', { amounts: [5n, 5n, 0n, 8n] }],
    ['marketCost', { amounts: [null, 5n, 0n, 7n] }],
  ])('finds a line whose %s is another', (name, facts) => {
    const { findings } = compareRows(truthOf([one]), [stored(one, facts)]);
    expect(findings.map(({ kind, where }) => [kind, where])).toEqual([['wrong_value', `one/0 ${name}`]]);
  });

  it('finds an event under another id than it was sent with', () => {
    const sent = line('one', { eventId: 'its own' });
    const { findings } = compareRows(truthOf([sent]), [stored(sent, { eventId: 'another' })]);
    expect(findings).toEqual([
      { kind: 'wrong_value', where: 'one/0 event_id', expected: 'its own', found: 'another' },
    ]);
  });

  it('counts orphans of interrupted operations apart, seen by the provider or not, and leaves them out of sums', () => {
    const truth = truthOf([one, two], { interrupted: new Set(['one', 'three']) });
    const orphans = [
      stored(one, { isOrphan: true, tokens: [] }),
      stored(line('three'), { isOrphan: true, tokens: [] }),
    ];
    expect(compareRows(truth, [...orphans, stored(two)])).toMatchObject({
      findings: [],
      matched: [two],
      orphansSeen: 1,
      orphansUnseen: 1,
    });
  });

  it('finds an orphan of an operation that no kill interrupted, and one that stands twice', () => {
    const orphan = stored(one, { isOrphan: true });
    expect(compareRows(truthOf([one]), [orphan]).findings.map(({ kind }) => kind)).toEqual([
      'needless_orphan',
    ]);
    const truth = truthOf([one], { interrupted: new Set(['one']) });
    expect(compareRows(truth, [orphan, orphan]).findings.map(({ kind }) => kind)).toEqual(['doubled']);
  });
});

describe('holding sums against the truth', () => {
  it('finds the org and the column whose sum is another, and only that', () => {
    const truth = sumsOf([line('one'), line('two'), line('three', { orgId: 'globex' })]);
    const other = sumsOf([
      line('one'),
      line('two', { amounts: [5n, 5n, 0n, 8n] }),
      line('three', { orgId: 'globex' }),
    ]);
    expect(compareSums(truth, truth)).toEqual([]);
    expect(compareSums(truth, other)).toEqual([
      { kind: 'wrong_sum', where: 'raw_events acme charge', expected: '14', found: '15' },
    ]);
  });

  it('finds an org that is missing and one that should not be there', () => {
    const acme = sumsOf([line('one')]);
    const globex = sumsOf([line('one', { orgId: 'globex' })]);
    const where = compareSums(acme, globex).map((found) => found.where);
    expect(where).toContain('raw_events acme rows');
    expect(where).toContain('raw_events globex rows');
  });

  it('adds nothing for what is unpriced', () => {
    const sums = sumsOf([line('one', { amounts: [null, null, 0n, null] }), line('two')]);
    expect(sums.get('acme')?.slice(-4)).toEqual([5n, 5n, 0n, 7n]);
  });
});
