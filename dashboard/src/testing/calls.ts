import type { CallRecord } from '@/api/types';

/** A call of the API, as it is while it rings. */
export function callRecord(call_id: string, more: Partial<CallRecord> = {}): CallRecord {
  return {
    id: `id-${call_id}`,
    call_id,
    sip_call_id: null,
    status: 'ringing',
    direction: 'inbound',
    from_number: '+12127773456',
    to_number: '+18005556789',
    did_id: null,
    did: null,
    extension_id: null,
    extension: null,
    initiated_at: '2026-01-01T12:00:00Z',
    answered_at: null,
    ended_at: null,
    duration: 0,
    end_reason: null,
    ...more,
  };
}
