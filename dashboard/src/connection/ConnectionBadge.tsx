import type { ConnectionState } from '@/services/echo.service';
import { HourglassIcon, LinkedIcon, RetryIcon, UnlinkedIcon, type Icon } from '@/ui/icons';

const LOOKS: Record<ConnectionState, { word: string; icon: Icon; tone: string }> = {
  connecting: { word: 'Connecting', icon: HourglassIcon, tone: 'tone-quiet' },
  connected: { word: 'Connected', icon: LinkedIcon, tone: 'tone-good' },
  reconnecting: { word: 'Reconnecting', icon: RetryIcon, tone: 'tone-warm' },
  offline: { word: 'Offline', icon: UnlinkedIcon, tone: 'tone-bad' },
};

/** Whether what the page shows is live: in a word, an icon and a colour. */
export function ConnectionBadge({ state }: { state: ConnectionState }) {
  const { word, icon: StateIcon, tone } = LOOKS[state];
  return (
    <span role="status" className={`badge ${tone}`} data-testid="connection-state" data-state={state}>
      <StateIcon />
      <span className="sr-only">Live updates: </span>
      {word}
    </span>
  );
}
