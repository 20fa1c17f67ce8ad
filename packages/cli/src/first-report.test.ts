import { expect, it } from 'vitest';
import { readLags } from './first-report.ts';

it("reads the lag of each Kafka partition out of the aggregator's metrics", () => {
  const metrics = [
    '# TYPE meterstone_aggregator_lag_records gauge',
    'meterstone_aggregator_lag_records{kafka_partition="0",service="aggregator"} 0',
    'meterstone_aggregator_lag_records{kafka_partition="1",service="aggregator"} 17',
    'nodejs_eventloop_lag_seconds{service="aggregator"} 3',
  ].join('\n');
  expect(readLags(metrics)).toEqual([0, 17]);
  expect(readLags('')).toEqual([]);
});
