import { RecordList } from '@meterstone/kafka';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cutRange } from './cut-range.ts';
import { exampleRecord } from './example.ts';

it('cuts a range into parts that tile it and hold every record once, whatever gaps its offsets have', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 60 }), fc.nat({ max: 3 }), (steps, recordsMax, behind) => {
      let last = 9;
      const records = steps.map((step) => {
        last += step;
        return exampleRecord(last, null);
      });
      const range = {
        topic: 't',
        kafkaPartition: 0,
        firstOffset: 8,
        nextOffset: last + 1 + behind,
        records: RecordList.of(records),
      };
      const found: number[] = [];
      let from = range.firstOffset;
      while (from < range.nextOffset) {
        const part = cutRange(range, { from, recordsMax });
        expect(part.firstOffset).toBe(from);
        expect(part.records.length).toBeLessThanOrEqual(recordsMax);
        expect(part.nextOffset).toBeGreaterThan(from);
        found.push(...Array.from(part.records, ({ offset }) => offset));
        from = part.nextOffset;
      }
      expect(from).toBe(range.nextOffset);
      expect(found).toEqual(records.map(({ offset }) => offset));
    }),
  );
});
