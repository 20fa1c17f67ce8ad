export { JournalError, type JournalErrorCode } from './errors.ts';
export type { Journal } from './journal.ts';
export type { JournalEntry } from './journal-options.ts';
export { abandonJournal, type JournalStatus, readJournalStatus } from './journal-status.ts';
export { openJournal } from './open-journal.ts';
export { type EncodedEvent, Outbox } from './outbox.ts';
export type { ReplayOptions } from './replay-journal.ts';
export { type ReplayedAll, replayJournals } from './replay-journals.ts';
export { readTopicNow } from './topic-now.ts';
