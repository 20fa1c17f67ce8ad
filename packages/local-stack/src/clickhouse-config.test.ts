import { expect, it } from 'vitest';
import { clickhouseConfig } from './clickhouse-config.ts';
import { CLICKHOUSE_USERS, clickhouseUsers } from './clickhouse-users.ts';

it('bounds the memory, keeps the query log alone and names every shard', () => {
  const text = clickhouseConfig({
    logFile: '/log/a&b.log',
    memoryMegabytesMax: 512,
    shardPorts: [9000, 9001],
  });
  expect(text).toContain('<log>/log/a&amp;b.log</log>');
  expect(text).toContain('<max_server_memory_usage>536870912</max_server_memory_usage>');
  expect(text).toContain(
    '<merges_mutations_memory_usage_soft_limit>214958080</merges_mutations_memory_usage_soft_limit>',
  );
  expect(text.match(/<\w+_log>/g)).toEqual(['<query_log>']);
  for (const setting of [
    '<background_merges_mutations_concurrency_ratio>8<',
    '<background_merges_mutations_scheduling_policy>shortest_task_first<',
    '<number_of_free_entries_in_pool_to_lower_max_size_of_merge>8<',
  ]) {
    expect(text).toContain(setting);
  }
  expect(text.match(/<port>\d+<\/port>/g)).toEqual(['<port>9000</port>', '<port>9001</port>']);
});

it('gives each user a profile of its own and rights on the named databases alone', () => {
  const text = clickhouseUsers({ databases: ['meterstone', 'odd`name'], networks: ['127.0.0.1'] });
  for (const user of CLICKHOUSE_USERS) {
    const login = `<${user}><password>${user}</password><profile>${user}</profile>`;
    expect(text.split(login)).toHaveLength(2);
  }
  expect(text).toContain(
    '<query>GRANT SELECT, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, ALTER, dictGet ON `meterstone`.*</query>',
  );
  expect(text).toContain('<query>GRANT SELECT, dictGet ON `odd\\`name`.*</query>');
  expect(text).not.toContain('*.*');
});

it('lets users in only from the given networks', () => {
  const text = clickhouseUsers({ databases: null, networks: ['10.0.0.0/8'] });
  expect(text.match(/<networks><ip>10\.0\.0\.0\/8<\/ip><\/networks>/g)).toHaveLength(4);
  expect(text.match(/<ip>/g)).toHaveLength(4);
});

it('writes the settings that storing once stands on into the profile of ingest', () => {
  const profile = /<ingest>(<async_insert>.*?)<\/ingest>/.exec(
    clickhouseUsers({ databases: null, networks: [] }),
  )?.[1];
  expect(profile).toContain('<async_insert>0</async_insert>');
  expect(profile).toContain('<insert_deduplicate>1</insert_deduplicate>');
  expect(profile).toContain('<deduplicate_insert>enable</deduplicate_insert>');
  expect(profile).toContain('<optimize_on_insert>0</optimize_on_insert>');
  expect(profile).toContain('<materialized_views_ignore_errors>0</materialized_views_ignore_errors>');
});
