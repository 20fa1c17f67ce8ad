import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsTable } from '@meterstone/control';
import { CLICKHOUSE_IMAGE, KAFKA_IMAGE } from '@meterstone/local-stack';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const readText = (path: string) => readFileSync(join(ROOT, path), 'utf8');

it('composes the very versions that the tests run against', () => {
  const { services } = parse(readText('docker-compose.yml'), { merge: true });
  expect(services.kafka.image).toBe(KAFKA_IMAGE);
  expect(services.clickhouse.image).toBe(CLICKHOUSE_IMAGE);
  const node = JSON.parse(readText('package.json')).devDependencies.node;
  expect(readText('Dockerfile')).toContain(`FROM node:${node}-`);
});

it('gives every composed service a health check that asks it', () => {
  const { services } = parse(readText('docker-compose.yml'), { merge: true });
  for (const [name, service] of Object.entries<{ healthcheck?: { test: string[] } }>(services)) {
    expect(service.healthcheck?.test.join(' '), name).toMatch(/readyz|SELECT 1|api-versions/);
  }
});

it('documents every setting in the README, as the list in code says it', () => {
  expect(readText('README.md')).toContain(settingsTable());
});

it('takes exact versions everywhere', () => {
  const manifest = JSON.parse(readText('package.json'));
  const loose = Object.entries<string>(manifest.devDependencies).filter(
    ([, version]) => !/^\d/.test(version),
  );
  expect(loose).toEqual([]);
});

it('names no registry host in the lock file', () => {
  expect(readText('package-lock.json')).not.toMatch(/"resolved": "https?:/);
});

it('locks the database engine for every platform, though an install on one of them forgets the others', () => {
  const locked = Object.keys(JSON.parse(readText('package-lock.json')).packages);
  for (const platform of ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-x64-gnu']) {
    expect(locked).toContain(`node_modules/@chdb/lib-${platform}`);
  }
});

it('names in its documents only files that are there', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...globSync('docs/**/*.md', { cwd: ROOT }),
  ];
  const missing = documents.flatMap((document) =>
    [...readText(document).matchAll(/`((?:packages|services|test|docs|schemas|scripts)\/[\w./*-]+)`/g)]
      .map((match) => match[1] ?? '')
      .filter((path) => globSync(path, { cwd: ROOT }).length === 0)
      .map((path) => `${document}: ${path}`),
  );
  expect(missing).toEqual([]);
});
