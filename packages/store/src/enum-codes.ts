import type {
  CredentialType,
  EventKind,
  EventSource,
  Outcome,
  Rating,
  UsageSource,
} from '@meterstone/metering';

/**
 * Numbers under which ClickHouse stores the closed lists of the domain. A number is never changed nor given to
 * another name: the rows stored would change their meaning.
 */
export const KIND_CODES: Readonly<Record<EventKind, number>> = { usage: 0, adjustment: 1 };

export const SOURCE_CODES: Readonly<Record<EventSource, number>> = {
  proxy: 0,
  events: 1,
  otlp: 2,
  kafka: 3,
  correction: 4,
  settlement: 5,
};

export const CREDENTIAL_TYPE_CODES: Readonly<Record<CredentialType, number>> = {
  system: 0,
  byok: 1,
  subscription: 2,
  reserved: 3,
};

export const OUTCOME_CODES: Readonly<Record<Outcome, number>> = {
  ok: 0,
  provider_error: 1,
  client_abort: 2,
  upstream_reset: 3,
  timeout: 4,
  orphan: 5,
};

export const USAGE_SOURCE_CODES: Readonly<Record<UsageSource, number>> = {
  reported: 0,
  partial: 1,
  estimated: 2,
  none: 3,
};

export const PRICE_MATCH_CODES: Readonly<Record<Rating['priceMatch'], number>> = {
  none: 0,
  exact: 1,
  pattern: 2,
  fallback: 3,
};
