import type { CallStatus } from '@/api/types';
import type { Call } from '@/calls/board';
import { formatDuration, isoDuration } from '@/calls/duration';
import { directionOf, STATUSES } from '@/calls/statuses';
import { ArrowIcon } from '@/ui/icons';
import { memo } from 'react';

export type ShownCall = Call & { status: CallStatus; duration: number | null };

const startTime = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** One call; a phone shows it as a card, a wider screen as a line of the list. */
export const CallRow = memo(function CallRow({ call, ended }: { call: ShownCall; ended: boolean }) {
  const { word, icon: StatusIcon, tone } = STATUSES[call.status];
  const direction = directionOf(call.direction);
  const answered = call.answered_at !== null;
  // A call that ended unanswered has no talk time worth showing; its outcome says all.
  const duration = answered || !ended ? call.duration : null;

  return (
    <li
      className={`call-row ${ended ? 'leaving' : ''}`}
      data-testid="call-row"
      data-call-id={call.call_id}
      data-status={call.status}
    >
      <span className={`badge call-status ${tone}`}>
        <StatusIcon />
        {word}
      </span>

      <span className="call-parties">
        <span className="sr-only">from </span>
        <Party number={call.from_number} />
        <span className="flex items-center gap-2">
          <ArrowIcon className="size-4 text-muted" />
          <span className="sr-only"> to </span>
          <Party number={call.to_number} />
        </span>
      </span>

      <span className="call-facts">
        <span className="call-fact">
          {direction && (
            <>
              <direction.icon />
              {direction.word}
            </>
          )}
        </span>
        <span className="call-fact">{call.extension && `Ext. ${call.extension}`}</span>
        <span className="call-fact tabular-nums">
          {call.initiated_at && (
            <>
              <span className="sr-only">started </span>
              <time dateTime={call.initiated_at}>{startTime.format(new Date(call.initiated_at))}</time>
            </>
          )}
        </span>
      </span>

      <span className="call-duration">
        {duration !== null && (
          <>
            <span className="call-duration-kind">{answered ? 'talk ' : 'wait '}</span>
            <time dateTime={isoDuration(duration)}>{formatDuration(duration)}</time>
          </>
        )}
      </span>
    </li>
  );
});

function Party({ number }: { number: string | null }) {
  return <span className={number ? 'call-number' : 'call-number text-muted'}>{number ?? 'Unknown'}</span>;
}
