import { expect, it } from 'vitest';
import { kafkaProperties } from './kafka-properties.ts';

const node = { id: 1, port: 9092, controllerPort: 9093, logFolder: '/data/kafka-1/log', brokers: 1 as const };

it('makes the first node broker and controller, each on its port of the loopback address', () => {
  const lines = kafkaProperties(node).split('\n');
  expect(lines).toContain('process.roles=broker,controller');
  expect(lines).toContain('listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093');
  expect(lines).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:9092');
  expect(lines).toContain('offsets.topic.replication.factor=1');
  expect(lines).toContain('auto.create.topics.enable=false');
});

it('makes a further node a broker that finds the controller, with three copies of what Kafka keeps itself', () => {
  const lines = kafkaProperties({ ...node, id: 3, port: 9095, brokers: 3 }).split('\n');
  expect(lines).toContain('process.roles=broker');
  expect(lines).toContain('listeners=PLAINTEXT://127.0.0.1:9095');
  expect(lines).toContain('controller.quorum.bootstrap.servers=127.0.0.1:9093');
  expect(lines).toContain('offsets.topic.replication.factor=3');
  expect(lines).toContain('transaction.state.log.min.isr=2');
});

it('keeps a backslash and letters beyond ASCII in a path', () => {
  expect(kafkaProperties({ ...node, logFolder: 'a\\b' })).toContain('log.dirs=a\\\\b\n');
  expect(kafkaProperties({ ...node, logFolder: '/Zoë' })).toContain('log.dirs=/Zo\\u00eb\n');
});
