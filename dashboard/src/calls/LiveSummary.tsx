import { isTalking } from '@/calls/filter';
import { formatCount } from '@/formatting/figures';
import { formatDuration } from '@/formatting/duration';
import type { CallPresence } from '@/hooks/useCallPresence';
import { Figure, Figures } from '@/ui/Figures';

/** How busy it is, at a glance from across the room. */
export function LiveSummary({ activeCalls, isLoading }: Pick<CallPresence, 'activeCalls' | 'isLoading'>) {
  const waiting = activeCalls.filter((call) => !isTalking(call));
  const longest = Math.max(0, ...waiting.map(({ duration }) => duration ?? 0));
  return (
    <Figures label="Now">
      <Figure label="Ringing" value={isLoading ? null : formatCount(waiting.length)} tone="warm" />
      <Figure label="In call" value={isLoading ? null : formatCount(activeCalls.length - waiting.length)} tone="good" />
      <Figure label="Longest wait" value={isLoading ? null : formatDuration(longest)} />
    </Figures>
  );
}
