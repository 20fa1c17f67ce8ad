/** Kafka's release that the local stack fetches and the container images carry. */
export const KAFKA_VERSION = '4.3.0';

/** ClickHouse's release line: what npm's chdb embeds here and what the container image carries. */
export const CLICKHOUSE_VERSION = '26.7';

/** Container image of Kafka; docker-compose.yml and the container way of the tests name the same one. */
export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`;

/** Container image of ClickHouse; docker-compose.yml and the container way of the tests name the same one. */
export const CLICKHOUSE_IMAGE = `clickhouse/clickhouse-server:${CLICKHOUSE_VERSION}`;
