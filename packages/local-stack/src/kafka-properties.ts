import { LOOPBACK } from './ports.ts';

/** One node of the local Kafka cluster; node 1 is broker and controller, the others are brokers. */
export type KafkaNode = {
  id: number;
  port: number;
  controllerPort: number;
  /** Where the node keeps its records. */
  logFolder: string;
  /** Brokers in the cluster. */
  brokers: 1 | 3;
};

/** A killed broker is given up after this; the default of 9 s makes every failover test wait for it. */
const BROKER_SESSION_MS = 3_000;

/** The text of the node's properties file. */
export function kafkaProperties(node: KafkaNode): string {
  const controls = node.id === 1;
  const listener = `PLAINTEXT://${LOOPBACK}:${node.port}`;
  const copies = node.brokers;
  const inSync = node.brokers === 1 ? 1 : 2;
  const lines: [string, string | number | boolean][] = [
    ['process.roles', controls ? 'broker,controller' : 'broker'],
    ['node.id', node.id],
    ['listeners', controls ? `${listener},CONTROLLER://${LOOPBACK}:${node.controllerPort}` : listener],
    ['advertised.listeners', listener],
    ['controller.listener.names', 'CONTROLLER'],
    ['controller.quorum.bootstrap.servers', `${LOOPBACK}:${node.controllerPort}`],
    ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT'],
    ['log.dirs', node.logFolder],
    ['offsets.topic.replication.factor', copies],
    ['transaction.state.log.replication.factor', copies],
    ['transaction.state.log.min.isr', inSync],
    ['share.coordinator.state.topic.replication.factor', copies],
    ['share.coordinator.state.topic.min.isr', inSync],
    ['offsets.topic.num.partitions', 8],
    ['transaction.state.log.num.partitions', 8],
    ['group.initial.rebalance.delay.ms', 0],
    // Tests want a lost consumer noticed soon; the default refuses sessions under 6 s.
    ['group.min.session.timeout.ms', 1_000],
    ['broker.session.timeout.ms', BROKER_SESSION_MS],
    ['broker.heartbeat.interval.ms', 500],
    ['auto.create.topics.enable', false],
    // Nothing reads the no-op records by which a controller says, twice a second, that nothing has changed: a third of an idle node's CPU.
    ['metadata.max.idle.interval.ms', 10_000],
    // The default takes 128 MB of heap.
    ['log.cleaner.dedupe.buffer.size', 8_388_608],
  ];
  return `${lines.map(([key, value]) => `${key}=${escapeValue(String(value))}`).join('\n')}\n`;
}

/** Java reads properties files as Latin-1 with a backslash as the start of an escape. */
function escapeValue(value: string): string {
  const toEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return value.replaceAll('\\', '\\\\').replaceAll(/[^ -~]/g, toEscape);
}
