const METRIC = /^meterstone_aggregator_ids_looked_up_total(?:\{.*\})? (\S+)$/m;

/**
 * Ids that an aggregator looked up in ClickHouse since its start. A load that is sent in order needs none; an aggregator that
 * looks every id up carries a fifth of what it does otherwise, so a soak that falls behind has to know.
 */
export async function idsLookedUp(aggregatorUrl: string): Promise<number> {
  const metrics = await (await fetch(`${aggregatorUrl}/metrics`)).text();
  const count = METRIC.exec(metrics)?.[1];
  if (count === undefined)
    throw new Error(`${aggregatorUrl}/metrics does not say how many ids were looked up`);
  return Number(count);
}
