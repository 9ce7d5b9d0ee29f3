import type { CallStatus } from '@/api/types';
import { STATUSES } from '@/calls/statuses';

/** A state in a colour, an icon and a word. */
export function StatusBadge({ status }: { status: CallStatus }) {
  const { word, icon: StatusIcon, tone } = STATUSES[status];
  return (
    <span className={`badge ${tone}`}>
      <StatusIcon />
      {word}
    </span>
  );
}
