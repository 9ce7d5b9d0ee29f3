import { liveBoard } from '@/calls/liveBoard';
import type { LiveState } from '@/calls/liveFeed';
import { useSession } from '@/hooks/useSession';
import { useEffect, useSyncExternalStore } from 'react';

/** The live board as it is; it runs as long as somebody is signed in and a component uses this. */
export function useLiveState(): LiveState {
  const session = useSession();
  const userId = session.status === 'signed-in' ? session.user.id : null;
  const organizationId = session.status === 'signed-in' ? session.organization.id : null;

  useEffect(
    () => (userId && organizationId ? liveBoard.hold(userId, organizationId) : undefined),
    [userId, organizationId],
  );
  return useSyncExternalStore(liveBoard.subscribe, liveBoard.getState);
}
