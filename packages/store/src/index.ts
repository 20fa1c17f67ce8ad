export { ADDITIVE_COLUMNS, type AdditiveColumn } from './additive-columns.ts';
export {
  addToRollup,
  type BlockShare,
  noteTagSets,
  type RollupBalance,
  readRollupBalance,
} from './block-share.ts';
export { createStoreClient, type StoreClient, type StoreClientOptions } from './client.ts';
export { type ClusterLayout, shardDatabase } from './cluster-layout.ts';
export { PRICE_MATCH_CODES } from './enum-codes.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export { countDirectIds, readDirectIds } from './find-event-ids.ts';
export { type EventKey, findStoredEvents, type OlderRows, type StoredEvents } from './find-events.ts';
export { insertRawBlock } from './insert-raw-block.ts';
export { insertUsers, type UserName } from './insert-users.ts';
export { blockChecksum, recordChecksum } from './ledger-checksum.ts';
export { insertLedgerRange } from './ledger-insert.ts';
export type { LedgerRange, RangeSums, RecordMark } from './ledger-range.ts';
export {
  type LedgerEntry,
  type LedgerQuestion,
  readLastLedgerRange,
  readLedgerPositions,
  readLedgerRanges,
} from './ledger-read.ts';
export { migrate } from './migrate.ts';
export { readPartCounts } from './part-counts.ts';
export {
  appendRawRow,
  beginRawRow,
  createRawBlock,
  endRawRow,
  type RawBlock,
  rawBlockOrg,
  rawBlockRowCount,
} from './raw-block.ts';
export { rawBlockBytes } from './raw-block-bytes.ts';
export { type RawRow, ratingNumber, whatNumber, whoNumber } from './raw-row.ts';
export { RAW_HEAD_BYTES, rawRowPlace } from './raw-row-layout.ts';
export { type GenerationKey, type GenerationLine, readGeneration } from './read-generation.ts';
export { OTHER_GROUP, type ReportAnswer, type ReportRow, readReport } from './read-report.ts';
export { readSpend } from './read-spend.ts';
export type { ReportDimension, ReportField, ReportFilters, ReportQuestion } from './report-question.ts';
export type { Rollup } from './rollup.ts';
export { planRollupAudit, type RollupAudit, type RollupAuditPlan } from './rollup-audit.ts';
export { ROLLUPS } from './rollups.ts';
export { RowTexts } from './shared-texts.ts';
export { type Slice, SliceTable } from './slice-table.ts';
export { mintStream, readStreams, type Stream } from './streams.ts';
export { createUserKeyer, type UserKeyer, userKey } from './user-key.ts';
export {
  type BlockPlace,
  type BlockScope,
  compareRollups,
  countStoredRows,
  type RollupDifference,
  type StoredRows,
} from './verify-block.ts';
