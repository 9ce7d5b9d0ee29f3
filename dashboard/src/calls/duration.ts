/** Times of calls: how long they take, and how that is written. */

import type { Call } from '@/calls/board';

/** Whole seconds of talk since the answer, or of waiting before it; null where no beginning is known. */
export function secondsSoFar(call: Call, serverNow: number): number | null {
  const since = Date.parse(call.answered_at ?? call.initiated_at ?? '');
  return Number.isNaN(since) ? null : Math.max(0, Math.floor((serverNow - since) / 1_000));
}

/** `0:07`, `12:40`, `1:02:09`. */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** The same as an ISO 8601 duration, for `<time datetime>`. */
export function isoDuration(seconds: number): string {
  return `PT${seconds}S`;
}
