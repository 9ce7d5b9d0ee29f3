import { session, type SessionState } from '@/auth/session';
import { useSyncExternalStore } from 'react';

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.get);
}
