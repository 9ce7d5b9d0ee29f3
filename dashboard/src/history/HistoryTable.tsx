import type { CallRecord } from '@/api/types';
import { Parties } from '@/calls/Parties';
import { directionOf } from '@/calls/statuses';
import { StatusBadge } from '@/calls/StatusBadge';
import { formatDuration } from '@/formatting/duration';
import { NOTHING } from '@/formatting/figures';
import { formatNumber } from '@/formatting/phone';
import { Moment } from '@/ui/Moment';
import { Link, useSearchParams } from 'react-router';

export function HistoryTable({ calls }: { calls: readonly CallRecord[] }) {
  return (
    <table className="table cards calls-table">
      <thead>
        <tr>
          <th scope="col">Started</th>
          <th scope="col">Status</th>
          <th scope="col">Caller and callee</th>
          <th scope="col" className="col-wide">
            DID
          </th>
          <th scope="col" className="col-middle">
            Ext.
          </th>
          <th scope="col" className="col-middle">
            Direction
          </th>
          <th scope="col" className="text-right">
            Talk
          </th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          <Row key={call.id} call={call} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ call }: { call: CallRecord }) {
  const [search] = useSearchParams();
  const direction = directionOf(call.direction);
  return (
    <tr className="table-row-link">
      <td className="cell-started">
        <Link className="row-link" to={{ pathname: `/history/${call.id}`, search: search.toString() }} preventScrollReset>
          <Moment at={call.initiated_at} />
        </Link>
      </td>
      <td className="cell-status">
        <StatusBadge status={call.status} />
      </td>
      <td className="cell-parties">
        <Parties from={call.from_number} to={call.to_number} />
      </td>
      <td className="col-wide whitespace-nowrap text-muted tabular-nums">{call.did ? formatNumber(call.did) : NOTHING}</td>
      <td className="col-middle text-muted tabular-nums">{call.extension ?? NOTHING}</td>
      <td className="col-middle cell-direction text-muted">
        {direction && (
          <span className="flex items-center gap-1.5">
            <direction.icon />
            {direction.word}
          </span>
        )}
      </td>
      <td className="cell-duration text-right font-semibold tabular-nums">
        {call.duration > 0 ? formatDuration(call.duration) : <span className="font-normal text-muted">{NOTHING}</span>}
      </td>
    </tr>
  );
}
