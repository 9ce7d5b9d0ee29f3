import type { LiveConnection } from '@/connection/state';
import { useClock } from '@/hooks/useClock';
import { HourglassIcon, LinkedIcon, RetryIcon, UnlinkedIcon, type Icon } from '@/ui/icons';

const LOOKS: Record<LiveConnection, { word: string; icon: Icon; tone: string }> = {
  connecting: { word: 'Connecting', icon: HourglassIcon, tone: 'tone-quiet' },
  connected: { word: 'Connected', icon: LinkedIcon, tone: 'tone-good' },
  delayed: { word: 'Delayed', icon: HourglassIcon, tone: 'tone-warm' },
  reconnecting: { word: 'Reconnecting', icon: RetryIcon, tone: 'tone-warm' },
  offline: { word: 'Offline', icon: UnlinkedIcon, tone: 'tone-bad' },
};

/** Whether what the page shows is live: in a word, an icon and a colour; and when the connection is tried next. */
export function ConnectionBadge({ connection, nextTryAt }: { connection: LiveConnection; nextTryAt: number | null }) {
  const { word, icon: StateIcon, tone } = LOOKS[connection];
  return (
    <span className={`badge ${tone}`} data-testid="connection-state" data-state={connection}>
      <StateIcon />
      <span role="status">
        <span className="sr-only">Live updates: </span>
        {word}
      </span>
      {nextTryAt !== null && <Countdown until={nextTryAt} />}
    </span>
  );
}

/** Not part of the announced state: nobody wants to be told each second. */
function Countdown({ until }: { until: number }) {
  const seconds = Math.max(0, Math.ceil((until - useClock(0)) / 1_000));
  return (
    <span className="tabular-nums" title="Until the connection is tried again">
      {seconds > 0 ? `${seconds} s` : 'now'}
    </span>
  );
}
