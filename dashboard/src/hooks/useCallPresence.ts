import type { ApiError } from '@/api/error';
import type { Call, EndedCall } from '@/calls/board';
import { secondsSoFar } from '@/calls/clock';
import type { PresenceChange } from '@/calls/liveFeed';
import { liveBoard } from '@/calls/liveBoard';
import type { LiveConnection } from '@/connection/state';
import { useClock } from '@/hooks/useClock';
import { useLiveState } from '@/hooks/useLiveState';
import type { Member } from '@/presence/member';
import { useMemo } from 'react';

/** How long a call stays in sight after its end, with its outcome. The fading in `styles.css` takes as long. */
const ENDED_VISIBLE_MS = 6_000;

export interface ActiveCall extends Call {
  /** Whole seconds, by the server's clock: of talk since the answer, of waiting before it. */
  duration: number | null;
}

export interface CallPresence {
  /** Newest first. */
  activeCalls: ActiveCall[];
  /** Calls that ended within the last seconds. */
  endedCalls: EndedCall[];
  totalActiveCalls: number;
  /** By name. */
  onlineMembers: Member[];
  presenceChange: PresenceChange | null;
  isConnected: boolean;
  connection: LiveConnection;
  /** True until the first snapshot has come. */
  isLoading: boolean;
  error: ApiError | null;
  refetch: () => void;
}

/** The live board of the signed-in person's organization. All components that use it share one connection. */
export function useCallPresence(): CallPresence {
  const state = useLiveState();
  const now = useClock(state.clockOffset);

  const { board, members } = state;
  const newestFirst = useMemo(() => byStart([...board.calls.values()]), [board.calls]);
  const activeCalls = useMemo(
    () => newestFirst.map((call) => withDuration(call, now + state.clockOffset)),
    [newestFirst, now, state.clockOffset],
  );
  const endedCalls = useMemo(
    () => [...board.ended.values()].filter(({ seen_at }) => now - seen_at < ENDED_VISIBLE_MS),
    [board.ended, now],
  );
  const onlineMembers = useMemo(() => [...members].sort((a, b) => a.name.localeCompare(b.name)), [members]);

  return {
    activeCalls,
    endedCalls,
    totalActiveCalls: activeCalls.length,
    onlineMembers,
    presenceChange: state.presenceChange,
    isConnected: state.connection === 'connected',
    connection: state.connection,
    isLoading: board.sequence === null,
    error: state.error,
    refetch: liveBoard.refetch,
  };
}

const timed = new WeakMap<Call, ActiveCall>();

/** The same object as before where it says the same: of a thousand calls only those are drawn again that changed. */
function withDuration(call: Call, serverNow: number): ActiveCall {
  const duration = secondsSoFar(call, serverNow);
  const known = timed.get(call);
  if (known?.duration === duration) return known;
  const current = { ...call, duration };
  timed.set(call, current);
  return current;
}

const starts = new WeakMap<object, number>();

function startOf(call: Pick<Call, 'initiated_at'>): number {
  let start = starts.get(call);
  if (start === undefined) {
    start = call.initiated_at ? Date.parse(call.initiated_at) : 0;
    starts.set(call, start);
  }
  return start;
}

/** Newest first; a call whose start is unknown counts as old. */
export function byStart<T extends Pick<Call, 'call_id' | 'initiated_at'>>(calls: readonly T[]): T[] {
  return [...calls].sort((a, b) => startOf(b) - startOf(a) || (a.call_id < b.call_id ? -1 : 1));
}
