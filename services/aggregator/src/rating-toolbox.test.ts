import { createLogger } from '@meterstone/runtime';
import { expect, it } from 'vitest';
import { createCounters } from './counters.ts';
import { DuplicateWindow } from './deduplicate.ts';
import { exampleEvent, exampleRecords, exampleTerms, exampleTools } from './example.ts';
import { RATING_LIMITS } from './fast-lane/rating-limits.ts';
import { rateBatch } from './rate-batch.ts';
import { createToolbox } from './rating-toolbox.ts';

it('keeps the tools of terms until there are others', () => {
  const [first, second] = [exampleTerms(), exampleTerms()];
  let inForce = first;
  const { toolbox } = boxOf(() => inForce);
  const tools = toolbox.current();
  expect(toolbox.current()).toBe(tools);
  inForce = second;
  expect(toolbox.current()).not.toBe(tools);
});

it('counts and logs that a memory was full', () => {
  const { toolbox, counters, lines } = boxOf(exampleTerms);
  const tools = toolbox.of(exampleTerms());
  const values = Array.from({ length: RATING_LIMITS.what + 1 }, (_, name) =>
    exampleEvent(name, { region: `region-${name}` }),
  );
  const range = {
    stream: 1,
    topic: 'usage-events',
    kafkaPartition: 0,
    firstOffset: 0,
    nextOffset: values.length,
    records: exampleRecords(values),
  };
  rateBatch(range, { tools, window: new DuplicateWindow() });
  expect(counters.memoryRestarts.size).toBe(0);
  rateBatch(range, { tools, window: new DuplicateWindow() });
  expect([...counters.memoryRestarts]).toEqual([['what', 1]]);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', limit: 'what', most: RATING_LIMITS.what },
  ]);
});

function boxOf(terms: () => ReturnType<typeof exampleTerms>) {
  const counters = createCounters();
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => lines.push(line) },
  });
  return {
    toolbox: createToolbox({ terms, userKeyOf: exampleTools().userKeyOf, counters, logger }),
    counters,
    lines,
  };
}
