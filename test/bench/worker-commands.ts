import { createInterface } from 'node:readline';

/** Answers the parent's questions in order, one line of JSON each, and ends the process when the parent is gone. */
export async function answerParent<Question>(
  answer: (question: Question) => Promise<object>,
): Promise<never> {
  // At once, in the middle of an answer too: nobody waits for it any more.
  process.stdin.once('end', () => process.exit(0));
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
  process.exit(0);
}
