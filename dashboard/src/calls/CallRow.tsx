import type { CallStatus } from '@/api/types';
import type { Call } from '@/calls/board';
import { isTalking } from '@/calls/filter';
import { Parties } from '@/calls/Parties';
import { directionOf } from '@/calls/statuses';
import { StatusBadge } from '@/calls/StatusBadge';
import { formatDuration, isoDuration } from '@/formatting/duration';
import { formatNumber } from '@/formatting/phone';
import { Moment } from '@/ui/Moment';
import { memo, type Ref } from 'react';

export type ShownCall = Call & { status: CallStatus; duration: number | null };

interface Props {
  ref: Ref<HTMLDivElement>;
  index: number;
  /** From the top of the list, in pixels. */
  offset: number;
  call: ShownCall;
  ended: boolean;
}

/** One call; a phone shows it as a card, a wider screen as a line of the table. */
export const CallRow = memo(function CallRow({ ref, index, offset, call, ended }: Props) {
  const direction = directionOf(call.direction);
  const talked = isTalking(call);
  // A call that ended unanswered has no talk time worth showing; its outcome says all.
  const duration = talked || !ended ? call.duration : null;

  return (
    <div
      ref={ref}
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      className={`call-row ${ended ? 'leaving' : ''}`}
      style={{ transform: `translateY(${offset}px)` }}
      data-testid="call-row"
      data-call-id={call.call_id}
      data-status={call.status}
    >
      <span role="cell" className="call-status">
        <StatusBadge status={call.status} />
      </span>
      <span role="cell" className="call-parties">
        <Parties from={call.from_number} to={call.to_number} />
      </span>
      <span role="cell" className={`call-fact call-did ${call.did === call.to_number ? 'call-did-same' : ''}`}>
        {call.did && <Fact label="DID">{formatNumber(call.did)}</Fact>}
      </span>
      <span role="cell" className="call-fact call-extension">
        {call.extension && <Fact label="Ext.">{call.extension}</Fact>}
      </span>
      <span role="cell" className="call-fact call-direction">
        {direction && (
          <>
            <direction.icon />
            {direction.word}
          </>
        )}
      </span>
      <span role="cell" className="call-fact call-started">
        {call.initiated_at && <Moment at={call.initiated_at} shape="clock" />}
      </span>
      <span role="cell" className="call-duration">
        {duration !== null && (
          <>
            <span className="call-duration-kind">{talked ? 'talk ' : 'wait '}</span>
            <time dateTime={isoDuration(duration)}>{formatDuration(duration)}</time>
          </>
        )}
      </span>
    </div>
  );
});

/** Where the column's head is out of sight, the label stands beside the value. */
function Fact({ label, children }: { label: string; children: string }) {
  return (
    <>
      <span className="call-fact-label">{label} </span>
      <span className="tabular-nums">{children}</span>
    </>
  );
}
