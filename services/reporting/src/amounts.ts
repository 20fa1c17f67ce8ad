/** Decimals of a rate: 1 femtodollar = 1e-15 USD. */
const RATE_DECIMALS = 15;
const FEMTODOLLARS_PER_DOLLAR = 10n ** BigInt(RATE_DECIMALS);

/** Femtodollars per unit → dollars per unit as the shortest exact decimal text: `0.00000125`. Not negative. */
export function formatRate(femto: bigint): string {
  const fraction = (femto % FEMTODOLLARS_PER_DOLLAR)
    .toString()
    .padStart(RATE_DECIMALS, '0')
    .replace(/0+$/, '');
  const whole = femto / FEMTODOLLARS_PER_DOLLAR;
  return fraction === '' ? `${whole}` : `${whole}.${fraction}`;
}
