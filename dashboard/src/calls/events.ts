/** The call events of an organization's channel, checked as they come off the wire. */

import type { CallRecord } from '@/api/types';

/** What every call event carries; the rest is there where the event is about it. */
export type CallEventData = Pick<CallRecord, 'call_id' | 'status'> &
  Partial<
    Pick<
      CallRecord,
      | 'direction'
      | 'from_number'
      | 'to_number'
      | 'did_id'
      | 'did'
      | 'extension_id'
      | 'extension'
      | 'initiated_at'
      | 'answered_at'
      | 'ended_at'
      | 'duration'
    >
  > & { sequence: number };

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
