import { useCall } from '@/history/useHistory';
import type { CallDetail } from '@/api/types';
import { Parties } from '@/calls/Parties';
import { directionOf } from '@/calls/statuses';
import { StatusBadge } from '@/calls/StatusBadge';
import { formatDuration } from '@/formatting/duration';
import { NOTHING } from '@/formatting/figures';
import { formatNumber } from '@/formatting/phone';
import { CallTimeline } from '@/history/CallTimeline';
import { Failure, Skeleton } from '@/ui/Blank';
import { CopyButton } from '@/ui/CopyButton';
import { Dialog } from '@/ui/Dialog';
import { Facts } from '@/ui/Facts';
import { Moment } from '@/ui/Moment';
import { useNavigate, useParams, useSearchParams } from 'react-router';

/** One call with its timeline, over the list that it was found in. */
export function CallDrawer() {
  const { callId = '' } = useParams();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const call = useCall(callId);

  return (
    <Dialog
      drawer
      title="Call"
      onClose={() => void navigate({ pathname: '/history', search: search.toString() }, { preventScrollReset: true })}
    >
      {call.data ? (
        <Detail call={call.data} />
      ) : call.error ? (
        <Failure title="The call cannot be loaded" error={call.error} retry={() => void call.refetch()} />
      ) : (
        <Skeleton label="Loading the call" />
      )}
    </Dialog>
  );
}

function Detail({ call }: { call: CallDetail }) {
  const waited = call.answered_at ? secondsBetween(call.initiated_at, call.answered_at) : null;
  return (
    <div className="dialog-main gap-6">
      <div className="grid gap-2 text-lg">
        <Parties from={call.from_number} to={call.to_number} />
        <span className="text-base">
          <StatusBadge status={call.status} />
        </span>
      </div>
      <Facts
        facts={[
          ['Direction', directionOf(call.direction)?.word ?? NOTHING],
          ['DID', call.did ? formatNumber(call.did) : NOTHING],
          ['Extension', call.extension ?? NOTHING],
          ['Started', <Moment key="started" at={call.initiated_at} />],
          ['Ended', call.ended_at ? <Moment key="ended" at={call.ended_at} /> : 'Not yet'],
          ['Waited', waited === null ? NOTHING : formatDuration(waited)],
          ['Talked', call.duration > 0 ? formatDuration(call.duration) : NOTHING],
          ['Reason', call.end_reason ?? NOTHING],
          ['Call id', <CallId key="id" id={call.call_id} />],
        ]}
      />
      <CallTimeline steps={call.timeline} />
    </div>
  );
}

function CallId({ id }: { id: string }) {
  return (
    <span className="flex items-start justify-between gap-2">
      <code className="min-w-0 font-mono text-xs break-all">{id}</code>
      <CopyButton text={id} label="the call id" />
    </span>
  );
}

function secondsBetween(begin: string, end: string): number {
  return Math.max(0, Math.round((Date.parse(end) - Date.parse(begin)) / 1_000));
}
