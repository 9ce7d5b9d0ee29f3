import { POLL_MS, type LiveState } from '@/calls/liveFeed';
import type { LiveConnection } from '@/connection/state';
import { formatTime } from '@/formatting/time';
import { WarningIcon } from '@/ui/icons';

type Props = Pick<LiveState, 'connection' | 'staleSince' | 'asOf' | 'error'>;

const CAUSES: Partial<Record<LiveConnection, string>> = {
  delayed: 'Live updates are not coming through',
  reconnecting: 'Live updates are interrupted',
  offline: 'Live updates are interrupted',
};

/** Says how far what is shown can be trusted while it is not live. */
export function StaleNotice({ connection, staleSince, asOf, error }: Props) {
  const cause = CAUSES[connection];
  if (asOf === null || (!cause && !error)) return null;

  return (
    <p role="status" className="stale-notice tone-warm" data-testid="stale-notice">
      <WarningIcon className="mt-0.5 size-4" />
      <span>
        {cause && `${cause}${staleSince === null ? '' : ` since ${formatTime(staleSince, 'clock')}`}. `}
        {error
          ? `${error.message} Calls are shown as they were at ${formatTime(asOf, 'clock')}.`
          : `Until they are back, calls are fetched every ${POLL_MS / 1_000} seconds.`}
      </span>
    </p>
  );
}
