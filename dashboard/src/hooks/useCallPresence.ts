import type { ApiError } from '@/api/client';
import type { Member } from '@/api/types';
import type { Call, EndedCall } from '@/calls/board';
import { secondsSoFar } from '@/calls/duration';
import { liveBoard } from '@/calls/liveBoard';
import type { PresenceChange } from '@/calls/liveFeed';
import { useClock } from '@/hooks/useClock';
import { useSession } from '@/hooks/useSession';
import type { ConnectionState } from '@/services/echo.service';
import { useEffect, useMemo, useSyncExternalStore } from 'react';

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
  connection: ConnectionState;
  /** True until the first snapshot has come. */
  isLoading: boolean;
  error: ApiError | null;
  /** When the board was last known to be right, in milliseconds; meaningful while not connected. */
  asOf: number | null;
  refetch: () => void;
}

/** The live board of the signed-in person's organization. All components that use it share one connection. */
export function useCallPresence(): CallPresence {
  const session = useSession();
  const token = session.status === 'signed-in' ? session.token : null;
  const organizationId = session.status === 'signed-in' ? session.organization.id : null;
  const state = useSyncExternalStore(liveBoard.subscribe, liveBoard.getState);
  const now = useClock(state.clockOffset);

  useEffect(
    () => (token && organizationId ? liveBoard.hold(token, organizationId) : undefined),
    [token, organizationId],
  );

  const { board, members } = state;
  const newestFirst = useMemo(() => [...board.calls.values()].sort(byStart), [board.calls]);
  const activeCalls = useMemo(
    () => newestFirst.map((call) => ({ ...call, duration: secondsSoFar(call, now + state.clockOffset) })),
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
    asOf: state.asOf,
    refetch: liveBoard.refetch,
  };
}

/** A call whose start is unknown counts as old. */
export function byStart(a: Call, b: Call): number {
  return startOf(b) - startOf(a) || a.call_id.localeCompare(b.call_id);
}

function startOf(call: Call): number {
  return call.initiated_at ? Date.parse(call.initiated_at) : 0;
}
