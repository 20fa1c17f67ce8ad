export {
  type AuditLedgerOptions,
  auditLedger,
  type PartitionAudit,
  type PartitionFault,
} from './audit-ledger.ts';
export { type AuditMemory, createAuditMemory } from './audit-memory.ts';
export { type AuditRollupsOptions, auditRollups } from './audit-rollups.ts';
export type { RollupFault } from './compare-orgs.ts';
export { decide, type Recovered } from './decide.ts';
export { RecoveryError, type RecoveryErrorCode } from './errors.ts';
export { readOwners } from './group-state.ts';
export { fromLetterId, type LetterCoordinates, toLetterId } from './letter-id.ts';
export { type LetterState, letterState } from './letter-state.ts';
export {
  type LetterFilter,
  NO_FILTER,
  type ReadLetters,
  type ReadLettersOptions,
  readLetters,
} from './read-letters.ts';
export { type RepairRollupsOptions, type RollupRepair, repairRollups } from './repair-rollups.ts';
export { type LetterReplay, type ReplayLettersOptions, replayLetters } from './replay-letters.ts';
export {
  type Decision,
  findStops,
  readStopFacts,
  type Stop,
  type StopFacts,
  type StopOptions,
} from './stops.ts';
