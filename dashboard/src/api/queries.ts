/** What pages have asked of the API, kept for a while. */

import { ApiError } from '@/api/error';
import { session } from '@/auth/session';
import { QueryClient } from '@tanstack/react-query';

const FRESH_MS = 10_000;
const RETRIES = 2;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      // Where the machine says that it is offline, the server may be on it.
      networkMode: 'always',
      retry: (failures, error) => failures < RETRIES && isTransient(error),
    },
    mutations: { networkMode: 'always' },
  },
});

// Nothing of one person's data outlives the session.
session.subscribe(() => {
  if (session.get().status === 'signed-out') queries.clear();
});

function isTransient(error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}
