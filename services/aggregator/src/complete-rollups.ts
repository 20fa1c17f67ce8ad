import {
  addToRollup,
  type BlockPlace,
  ROLLUPS,
  type RollupBalance,
  readRollupBalance,
  type StoreClient,
} from '@meterstone/store';

/** More blocks in flight than this are not told apart: 3^8 sums are looked at. */
const BLOCKS_MAX = 8;

/** How often a rollup lacks a block; −1 = it has it twice. */
type Times = 1 | 0 | -1;

export interface BlockToComplete {
  readonly store: StoreClient;
  readonly place: BlockPlace;
  /** Of the block; those of what is added are derived from it. */
  readonly token: string;
}

/**
 * Gives each rollup what it lacks of a block that raw has whole, and takes from it what it has twice. To be called by
 * the block's owner, and once the block was sent again under its token: whatever a table lacks of it then is lost there
 * for good, with the token known, which a ClickHouse leaves behind that was killed between the two.
 *
 * A rollup does not say whose rows are in it, and the blocks in flight of other Kafka partitions may be half stored too.
 * So the difference between raw and the rollup is explained by these blocks, each lacking, there, or there twice; only
 * where just one explanation is possible, something is done. Rollups come in the order of the list, since what is added to
 * one reaches those behind it. `false` = one of them could not be explained.
 */
export async function completeRollups({ store, place, token }: BlockToComplete): Promise<boolean> {
  for (const rollup of ROLLUPS) {
    const times = lackingTimes(await readRollupBalance(store, rollup, place), place);
    if (times === null) {
      return false;
    }
    if (times !== 0) {
      const name = times === 1 ? 'lacked' : 'doubled';
      await addToRollup({ client: store, rollup, place, times, token: `${token}-${rollup.name}-${name}` });
    }
  }
  return true;
}

/**
 * How often a rollup lacks the block at a place: 1, 0, or −1 where it has it twice. `null` = it cannot be told: no blocks
 * in flight come to the difference, several sets of them do, or there are too many.
 */
export function lackingTimes(
  { difference, shares }: RollupBalance,
  { stream, kafkaPartition }: Pick<BlockPlace, 'stream' | 'kafkaPartition'>,
): Times | null {
  const own = shares.findIndex((share) => share.stream === stream && share.kafkaPartition === kafkaPartition);
  if (shares.length > BLOCKS_MAX || (own < 0 && difference.some((sum) => sum !== 0n))) {
    return null;
  }
  const found = new Set<Times>();
  explain(difference, 0, []);
  const [times = null] = found;
  return found.size === 1 ? times : null;

  function explain(rest: readonly bigint[], next: number, chosen: readonly Times[]): void {
    const share = shares[next];
    if (share === undefined) {
      if (rest.every((sum) => sum === 0n)) {
        found.add(chosen[own] ?? 0);
      }
      return;
    }
    for (const times of [0, 1, -1] as const) {
      const left = rest.map((sum, column) => sum - BigInt(times) * (share.sums[column] ?? 0n));
      explain(left, next + 1, [...chosen, times]);
    }
  }
}
