import { liveBoard } from '@/calls/liveBoard';
import type { LiveState } from '@/calls/liveFeed';
import { useSession } from '@/hooks/useSession';
import { useEffect, useSyncExternalStore } from 'react';

/** The live board as it is; it runs as long as somebody is signed in and a component uses this. */
export function useLiveState(): LiveState {
  const session = useSession();
  const token = session.status === 'signed-in' ? session.token : null;
  const organizationId = session.status === 'signed-in' ? session.organization.id : null;

  useEffect(
    () => (token && organizationId ? liveBoard.hold(token, organizationId) : undefined),
    [token, organizationId],
  );
  return useSyncExternalStore(liveBoard.subscribe, liveBoard.getState);
}
