export {
  CLICKHOUSE_USERS,
  type ClickHouseAccess,
  type ClickHouseUser,
  clickhouseUsers,
} from './clickhouse-users.ts';
export { type Clock, systemClock } from './clock.ts';
export { StackError, type StackErrorCode } from './errors.ts';
export type { ChildExit } from './guard.ts';
export { clearLeftovers } from './leftovers.ts';
export { findFreePorts, requireFreePorts, type WantedPort } from './ports.ts';
export { type Stack, type StackOptions, type StackPorts, startStack } from './stack.ts';
export type { ServerExit, StackServer } from './stack-server.ts';
export { type Supervised, type SuperviseOptions, supervise } from './supervise.ts';
export { CLICKHOUSE_IMAGE, CLICKHOUSE_VERSION, KAFKA_IMAGE, KAFKA_VERSION } from './versions.ts';
