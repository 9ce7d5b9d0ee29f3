/** The call events of an organization's channel, checked as they come off the wire. */

import type { CallStatus } from '@/api/types';

/** What every call event carries; the rest is there where the event is about it. */
export interface CallEventData {
  call_id: string;
  sequence: number;
  status: CallStatus;
  direction?: string | null;
  from_number?: string | null;
  to_number?: string | null;
  did_id?: string | null;
  extension_id?: string | null;
  extension?: string | null;
  initiated_at?: string | null;
  answered_at?: string | null;
  ended_at?: string | null;
  duration?: number | null;
}

export const CALL_EVENTS = ['call.initiated', 'call.answered', 'call.ended'] as const;
export type CallEventName = (typeof CALL_EVENTS)[number];

export interface CallEvent {
  name: CallEventName;
  data: CallEventData;
}

/** True for data that the board can place: without id or sequence only a new snapshot helps. */
export function isCallEventData(data: unknown): data is CallEventData {
  if (typeof data !== 'object' || data === null) return false;
  const { call_id, sequence, status } = data as Record<string, unknown>;
  return typeof call_id === 'string' && Number.isInteger(sequence) && typeof status === 'string';
}
