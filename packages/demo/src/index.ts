export { createCustomers } from './customers.ts';
export { DEMO_ORG_ID, demoConfigYaml, type LocalKeyHashes } from './demo-config.ts';
export { type DemoProvider, startDemoProvider } from './demo-provider.ts';
export { type DemoKeyName, SCENARIO } from './scenario.ts';
