import { session, type SessionState } from '@/auth/session';
import { useSyncExternalStore } from 'react';

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.get);
}

/** Inside pages, which are shown to those who are signed in. */
export function useSignedIn(): Extract<SessionState, { status: 'signed-in' }> {
  const state = useSession();
  if (state.status !== 'signed-in') throw new Error('Nobody is signed in.');
  return state;
}
