import type { Control } from '@meterstone/control';
import { formatAmount } from '@meterstone/metering';
import { readSpend, type StoreClient } from '@meterstone/store';
import type { FastifyInstance } from 'fastify';
import { authenticate } from '../authenticate.ts';

/**
 * Adds `/v1/credits`: what the org bought less what it spent in its lifetime, and the latter, as exact decimal
 * strings in dollars. Unpriced usage is not in it. An org without credit has no balance to overdraw: `"0"`.
 */
export function addCreditsRoute(
  app: FastifyInstance,
  { control, client }: { readonly control: Control; readonly client: StoreClient },
): void {
  app.get('/v1/credits', async (request) => {
    const snapshot = control.snapshot();
    const { orgId } = authenticate(snapshot, request.headers.authorization);
    const credit = snapshot.orgs.get(orgId)?.creditBalance ?? 0n;
    const spent = await readSpend(client, orgId);
    return {
      balance: formatAmount(credit === 0n ? 0n : credit - spent),
      total_used: formatAmount(spent),
    };
  });
}
