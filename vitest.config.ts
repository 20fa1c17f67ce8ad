import { defineConfig } from 'vitest/config';

const unit = [
  'packages/*/src/**/*.test.ts',
  'services/*/src/**/*.test.ts',
  'test/*.test.ts',
  'test/bench/**/*.test.ts',
];
const integration = ['packages/*/src/**/*.integration.test.ts', 'services/*/src/**/*.integration.test.ts'];

export default defineConfig({
  test: {
    // Most of these tests wait for Kafka and ClickHouse: two files side by side are quicker on two cores, and no less true.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: unit,
          exclude: [...integration, '**/node_modules/**'],
          // A property test may meet a busy machine; none is about time.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: [...integration, 'test/integrity/*.test.ts'],
          globalSetup: 'test/support/stack-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/*.test.ts'],
          globalSetup: 'test/support/stack-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
