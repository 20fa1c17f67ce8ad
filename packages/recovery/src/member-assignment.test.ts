import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { readAssignment } from './member-assignment.ts';

function encode(assignment: Record<string, number[]>): Buffer {
  return kafkajs.AssignerProtocol.MemberAssignment.encode({
    version: 0,
    assignment,
    userData: Buffer.alloc(0),
  });
}

describe("a member's assignment", () => {
  it('is read as kafkajs writes it', () => {
    const topic = fc.string({ minLength: 1, maxLength: 20 });
    const kafkaPartitions = fc.array(fc.nat(2_000), { maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(topic, kafkaPartitions), topic, (assignment, other) => {
        const bytes = encode(assignment);
        for (const [name, wanted] of Object.entries(assignment)) {
          expect(readAssignment(bytes, name)).toEqual(wanted);
        }
        expect(readAssignment(bytes, other)).toEqual(
          Object.hasOwn(assignment, other) ? assignment[other] : [],
        );
      }),
    );
  });

  it('is no Kafka partition where there are no bytes, or others', () => {
    expect(readAssignment(Buffer.alloc(0), 'events')).toEqual([]);
    const whole = encode({ events: [1, 2] });
    for (let length = 0; length < 20; length += 1) {
      expect(readAssignment(whole.subarray(0, length), 'events')).toEqual([]);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(Array.isArray(readAssignment(Buffer.from(bytes), 'events'))).toBe(true);
      }),
    );
  });
});
