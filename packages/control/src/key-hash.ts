import { createHash } from 'node:crypto';

/** SHA-256 of a Meterstone key, as lower-case hex: the only form in which the configuration knows a key. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}
