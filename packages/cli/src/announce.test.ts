import { expect, it } from 'vitest';
import { type Announce, announceJson, announceText } from './announce.ts';

function heard(make: typeof announceText, tell: (announce: Announce) => void) {
  const out: string[] = [];
  const err: string[] = [];
  tell(make({ out: (line) => out.push(line), err: (line) => err.push(line) }));
  return { out, err };
}

const ANSWERS = [
  {
    title: '1. What?',
    groupBy: 'user',
    amounts: ['total_cost'],
    rows: [{ user: 'globex', request_count: 2 }],
  },
];
const PLACES = { runFile: '/m/run.json', log: '/m/log' };

it('tells a person in text, errors on their own stream', () => {
  const { out, err } = heard(announceText, (announce) => {
    announce.progress('starting proxy');
    announce.report(ANSWERS);
    announce.doors([{ title: 'a request', command: 'curl -s x' }], PLACES);
    announce.failed(new Error('port 4000 is in use'));
  });
  expect(out[0]).toBe('starting proxy');
  expect(out[1]).toContain('globex');
  expect(out[2]).toContain('# a request\ncurl -s x');
  expect(out[2]).toContain('/m/run.json');
  expect(err).toEqual(['meterstone: port 4000 is in use']);
});

it('tells a program in one JSON object a line, errors with their code', () => {
  const { out, err } = heard(announceJson, (announce) => {
    announce.progress('two\nlines');
    announce.report(ANSWERS);
    announce.doors([{ title: 'a request', command: 'curl -s x' }], PLACES);
    announce.failed(Object.assign(new Error('in use'), { code: 'port_in_use' }));
    announce.failed('a text');
  });
  expect(out.every((line) => !line.includes('\n'))).toBe(true);
  expect(out.map((line) => JSON.parse(line))).toEqual([
    { event: 'progress', line: 'two\nlines' },
    { event: 'report', question: '1. What?', group_by: 'user', results: ANSWERS[0]?.rows },
    { event: 'door', title: 'a request', command: 'curl -s x' },
    { event: 'ready', run_file: '/m/run.json', log: '/m/log' },
    { event: 'failed', code: 'port_in_use', message: 'in use' },
    { event: 'failed', code: 'failed', message: 'a text' },
  ]);
  expect(err).toEqual([]);
});
