/** Which time of a call counts at the moment, and how much of it has passed. */

import type { Call } from '@/calls/board';

/** Whole seconds of talk since the answer, or of waiting before it; null where no beginning is known. */
export function secondsSoFar(call: Call, serverNow: number): number | null {
  const since = Date.parse(call.answered_at ?? call.initiated_at ?? '');
  return Number.isNaN(since) ? null : Math.max(0, Math.floor((serverNow - since) / 1_000));
}
