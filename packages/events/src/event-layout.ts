import type { CredentialType, EventKind, EventSource, Outcome, UsageSource } from '@meterstone/metering';

/**
 * The fingerprint of the one schema that {@link writeEventFields} and {@link readEventFields} follow. Under any other
 * newest schema they rest, and avsc does it all: rewrite them together with this number.
 */
export const LAYOUT_FINGERPRINT = 0xcbd172a3a2290cc6n;

/** The symbols of that schema's enums, in its order. */
export const EVENT_SYMBOLS = {
  kind: ['usage', 'adjustment'] as readonly EventKind[],
  source: ['proxy', 'events', 'otlp', 'kafka', 'correction', 'settlement'] as readonly EventSource[],
  credentialType: ['system', 'byok', 'subscription', 'reserved'] as readonly CredentialType[],
  outcome: [
    'ok',
    'provider_error',
    'client_abort',
    'upstream_reset',
    'timeout',
    'orphan',
  ] as readonly Outcome[],
  usageSource: ['reported', 'partial', 'estimated', 'none'] as readonly UsageSource[],
} as const;
