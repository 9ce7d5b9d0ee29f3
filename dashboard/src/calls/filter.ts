/** Which of the calls on the board are shown. */

import type { CallDirection } from '@/api/types';
import type { Call } from '@/calls/board';
import { digitsOf } from '@/formatting/phone';

export type Stage = 'all' | 'ringing' | 'talking';

export interface CallFilter {
  stage: Stage;
  direction: CallDirection | 'all';
  /** Of a number on either side, the DID or the extension. */
  text: string;
}

export const everything: CallFilter = { stage: 'all', direction: 'all', text: '' };

export function isTalking(call: Pick<Call, 'answered_at' | 'status'>): boolean {
  return call.status === 'answered' || call.answered_at !== null;
}

export function matches(call: Call, { stage, direction, text }: CallFilter): boolean {
  if (stage !== 'all' && isTalking(call) !== (stage === 'talking')) return false;
  if (direction !== 'all' && call.direction !== direction) return false;
  const wanted = text.trim().toLowerCase();
  if (!wanted) return true;
  const digits = digitsOf(wanted);
  return [call.from_number, call.to_number, call.did, call.extension].some(
    (number) => number !== null && (number.toLowerCase().includes(wanted) || (digits !== '' && number.includes(digits))),
  );
}
