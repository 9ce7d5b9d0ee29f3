/** Counts, shares and averages; a dash where there is nothing to tell. */

const count = new Intl.NumberFormat();
const share = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });

export const NOTHING = '–';

export function formatCount(value: number): string {
  return count.format(value);
}

/** `value` from 0 to 1. */
export function formatShare(value: number | null): string {
  return value === null ? NOTHING : share.format(value);
}
