/** Telephone numbers as people read them. */

import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

const MAX_KEPT = 5_000;
const kept = new Map<string, string>();

/** `+1 212 777 3456`; what is no public number, such as an extension, stays as it is. */
export function formatNumber(number: string): string {
  const known = kept.get(number);
  if (known !== undefined) return known;
  const shown = number.startsWith('+')
    ? (parsePhoneNumberFromString(number)?.formatInternational() ?? number)
    : number;
  // Parsing takes about as long as drawing a row, and a board shows the same few numbers all day.
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(number, shown);
  return shown;
}

/** What of a search can be found in numbers, however both are written; empty where it holds no digit. */
export function digitsOf(text: string): string {
  return text.replace(/\D/g, '');
}
